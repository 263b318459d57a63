import fc from 'fast-check';
import { expect, test } from 'vitest';
import { LanePolicy } from './lane-policy.ts';
import type { Lane } from './payload.ts';

/** Takes one page as the consumer does: asks the lanes in order until one has a job. */
function take(policy: LanePolicy, waiting: Record<Lane, number>): Lane | undefined {
  for (const lane of policy.order()) {
    if (waiting[lane] > 0) {
      waiting[lane] -= 1;
      policy.took(lane);
      return lane;
    }
    policy.foundEmpty(lane);
  }
  return undefined;
}

/** What arrives in each lane before each page. */
const arrivals = fc.array(fc.record({ interactive: fc.nat(3), bulk: fc.nat(3) }), { maxLength: 200 });

test('bulk gets one page of any four while both wait, interactive all others', () => {
  fc.assert(
    fc.property(arrivals, (steps) => {
      const policy = new LanePolicy();
      const waiting = { interactive: 0, bulk: 0 };
      let interactiveWhileBoth = 0;
      let bulkInARow = 0;
      for (const step of steps) {
        waiting.interactive += step.interactive;
        waiting.bulk += step.bulk;
        const bothWait = waiting.interactive > 0 && waiting.bulk > 0;
        const lane = take(policy, waiting);
        interactiveWhileBoth = bothWait && lane === 'interactive' ? interactiveWhileBoth + 1 : 0;
        bulkInARow = bothWait && lane === 'bulk' ? bulkInARow + 1 : 0;
        expect(interactiveWhileBoth).toBeLessThanOrEqual(3);
        expect(bulkInARow).toBeLessThanOrEqual(1);
      }
    }),
  );
});

test('a page is taken whenever any lane has one', () => {
  fc.assert(
    fc.property(arrivals, (steps) => {
      const policy = new LanePolicy();
      const waiting = { interactive: 0, bulk: 0 };
      for (const step of steps) {
        waiting.interactive += step.interactive;
        waiting.bulk += step.bulk;
        const any = waiting.interactive + waiting.bulk > 0;
        expect(take(policy, waiting) !== undefined).toBe(any);
      }
    }),
  );
});
