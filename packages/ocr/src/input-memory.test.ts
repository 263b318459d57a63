import { expect, it } from 'vitest';
import { withInput } from './input-memory.ts';
import type { Model } from './model.ts';

function model(): Model {
  return { run: () => Promise.resolve([]), close: () => Promise.resolve() };
}

/** The memory that an input lies in, once nobody uses it any more. */
function memoryOf(owner: Model, length: number): Promise<ArrayBufferLike> {
  return withInput(owner, length, (input) => Promise.resolve(input.buffer));
}

it('gives one input after the other the same memory, and each its length', async () => {
  const owner = model();
  const first = await memoryOf(owner, 100);
  expect(await memoryOf(owner, 60)).toBe(first);
  expect(await memoryOf(owner, 100)).toBe(first);
  expect(await withInput(owner, 60, (input) => Promise.resolve(input.length))).toBe(60);
});

it('keeps the larger memory once a larger input has come', async () => {
  const owner = model();
  await memoryOf(owner, 10);
  const larger = await memoryOf(owner, 100);
  expect(await memoryOf(owner, 10)).toBe(larger);
});

it('never gives two inputs of the same time the same memory', async () => {
  const owner = model();
  const { promise, resolve } = Promise.withResolvers<void>();
  const inputs: ArrayBufferLike[] = [];
  const runs = [1, 2, 3].map(() =>
    withInput(owner, 10, (input) => {
      inputs.push(input.buffer);
      return promise;
    }),
  );
  resolve();
  await Promise.all(runs);
  expect(new Set(inputs).size).toBe(3);
  expect(inputs).toContain(await memoryOf(owner, 10));
});

it('has the memory back after a failure', async () => {
  const owner = model();
  let failed: ArrayBufferLike | undefined;
  const run = withInput(owner, 10, (input) => {
    failed = input.buffer;
    return Promise.reject(new Error('no'));
  });
  await expect(run).rejects.toThrow('no');
  expect(await memoryOf(owner, 10)).toBe(failed);
});

it('keeps the memories of two models apart', async () => {
  expect(await memoryOf(model(), 10)).not.toBe(await memoryOf(model(), 10));
});
