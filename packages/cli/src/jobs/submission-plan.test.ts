import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { planRequests, requestLimits } from './submission-plan.ts';
import type { SubmitInput } from './submit-inputs.ts';

const file = (bytes: number): SubmitInput => ({
  kind: 'file',
  label: 'a.png',
  bytes,
  file: { name: 'a.png', open: () => (async function* () {})() },
});
const url = (length: number): SubmitInput => ({
  kind: 'url',
  label: 'a',
  url: `http://a.test/${'x'.repeat(length)}`,
});

const inputs = fc.oneof(
  fc.array(fc.oneof(fc.integer({ min: 1, max: 30_000_000 }).map(file), fc.integer({ min: 0, max: 8000 }).map(url))),
  fc.integer({ min: 0, max: 250 }).map((count) => Array.from({ length: count }, () => file(1000))),
  fc.integer({ min: 0, max: 2500 }).map((count) => Array.from({ length: count }, () => url(2000))),
);

describe('planRequests', () => {
  test('sends each input once, in order, in requests that are neither too large nor needlessly many', () => {
    fc.assert(
      fc.property(inputs, (given) => {
        const requests = planRequests(given);
        for (const kind of ['file', 'url'] as const) {
          const of = requests.filter((request) => request.kind === `${kind}s`);
          expect(of.flatMap((request): readonly SubmitInput[] => request.inputs)).toEqual(
            given.filter((input) => input.kind === kind),
          );
        }
        const sizes = requests.map((request) => {
          const bytes =
            request.kind === 'files'
              ? request.inputs.reduce((sum, input) => sum + input.bytes, 0) / requestLimits.fileBytes
              : request.inputs.reduce((sum, input) => sum + input.url.length, 0) / requestLimits.urlBytes;
          const count = request.inputs.length / requestLimits[request.kind];
          expect(count).toBeLessThanOrEqual(1);
          expect(bytes <= 1 || request.inputs.length === 1).toBe(true);
          return { kind: request.kind, count, bytes };
        });
        // Two neighbors would not have fit into one.
        for (const [index, next] of sizes.slice(1).entries()) {
          const before = sizes[index]!;
          if (before.kind === next.kind) {
            expect(before.count + next.count > 1 || before.bytes + next.bytes > 1).toBe(true);
          }
        }
      }),
      { numRuns: 50 },
    );
  });
});
