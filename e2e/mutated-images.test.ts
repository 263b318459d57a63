import { createHash } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { expectProblem, testAftermath } from './src/expectations.ts';
import type { Answer } from './src/http-client.ts';
import { mutateBytes, repairPng } from './src/mutate-bytes.ts';
import { randomFor } from './src/seed.ts';
import { codeOf, Stack } from './src/stack.ts';
import { drawSeeds, type SeedFormat, seedFormats, toDataUrl } from './src/test-images.ts';

/** For each format; E2E_MUTATIONS=1000 is the long run. */
const mutationsPerFormat = Number(process.env['E2E_MUTATIONS'] || 100);
const concurrency = 6;

let stack: Stack;
let seeds: Readonly<Record<SeedFormat, Buffer>>;
let poisoned = 0;
beforeAll(async () => {
  stack = await Stack.start({ env: { ENGINE_PROCESSES: '2', SYNC_TIMEOUT_MS: '120000' } });
  seeds = await drawSeeds();
  for (const format of seedFormats) expect((await stack.analyze(toDataUrl(seeds[format]))).status).toBe(200);
});
afterAll(() => stack?.stop());

/** Every image that may not be read has one of these reasons. */
const typedErrors: Readonly<Record<number, readonly string[]>> = {
  413: ['image_too_large'],
  415: ['image_unsupported'],
  422: ['image_unreadable', 'poison_image'],
};

/** For reproducing: the image itself is what matters. */
async function keep(bytes: Buffer, format: SeedFormat): Promise<string> {
  const folder = join(tmpdir(), 'glyphmill-e2e-failures');
  await mkdir(folder, { recursive: true });
  const path = join(folder, `${createHash('sha256').update(bytes).digest('hex').slice(0, 16)}.${format}`);
  await writeFile(path, bytes);
  return path;
}

test.each(seedFormats)(
  'mutated %s images: a result or a typed error',
  { timeout: 60_000 + mutationsPerFormat * 2_000 },
  async (format) => {
    const random = randomFor(`mutated ${format} images`);
    const images = Array.from({ length: mutationsPerFormat }, () => {
      const mutated = mutateBytes(seeds[format], random);
      // Else hardly any gets past the checksums.
      return format === 'png' && random.below(2) === 0 ? repairPng(mutated) : mutated;
    });
    const counts = new Map<string, number>();
    const check = async (bytes: Buffer, answer: Answer): Promise<void> => {
      const code = answer.status === 200 ? 'read' : `${answer.status} ${codeOf(answer)}`;
      counts.set(code, (counts.get(code) ?? 0) + 1);
      if (codeOf(answer) === 'poison_image') {
        poisoned += 1;
        console.log(`An engine died twice of ${await keep(bytes, format)}`);
      }
      if (answer.status === 200) return;
      if (typedErrors[answer.status]?.includes(codeOf(answer) ?? '') !== true) {
        throw new Error(`${answer.status} ${answer.text.slice(0, 300)} for ${await keep(bytes, format)}`);
      }
      expectProblem(answer, answer.status, codeOf(answer)!);
    };
    const client = async (): Promise<void> => {
      for (let bytes = images.pop(); bytes !== undefined; bytes = images.pop()) {
        await check(bytes, await stack.analyze(toDataUrl(bytes)));
      }
    };
    await Promise.all(Array.from({ length: concurrency }, client));
    console.log(`${format}: ${[...counts].map(([code, count]) => `${count} ${code}`).join(', ')}`);
    // Most mutations must get as far as the decoder, or this tests nothing.
    expect((counts.get('415 image_unsupported') ?? 0) / mutationsPerFormat).toBeLessThan(0.7);
    expect(stack.findDeaths()).toEqual([]);
  },
);

test('no engine died but of pages that were then said to be poison', async () => {
  const { text } = await stack.sendOps(stack.workers[0]!.opsPort, '/metrics');
  const restarts = [...text.matchAll(/^glyphmill_engine_restarts_total\{.*reason="([^"]*)".*\} ([1-9]\d*)/gm)];
  console.log(`Engine restarts: ${restarts.map(([, reason, count]) => `${count} ${reason}`).join(', ') || 'none'}`);
  const deaths = restarts.filter(([, reason]) => reason !== 'memory').map(([, , count]) => Number(count));
  expect(deaths.reduce((sum, count) => sum + count, 0)).toBe(2 * poisoned);
});

testAftermath(() => stack);
