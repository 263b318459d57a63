import { createRegistry } from '@glyphmill/core/metrics';
import { expect, test } from 'vitest';
import { createDurableMetrics } from './durable-metrics.ts';

function openMetrics() {
  const registry = createRegistry('worker');
  const away: { store: boolean | undefined; uploads: boolean } = { store: undefined, uploads: false };
  createDurableMetrics({
    registry,
    isStoreAway: () => away.store,
    areUploadsAway: () => away.uploads,
    waiting: () => 0,
  });
  const told = async () => [...(await registry.metrics()).matchAll(/^glyphmill_(\w+_up)\{.*\} (\d)$/gm)];
  return { away, ups: async () => (await told()).map(([, name, value]) => `${name} ${value}`) };
}

test('says which of database and uploads is away, and nothing of a database that nobody asked yet', async () => {
  const { away, ups } = openMetrics();
  expect(await ups()).toEqual(['uploads_up 1']);
  away.store = false;
  expect(await ups()).toEqual(['store_up 1', 'uploads_up 1']);
  away.uploads = true;
  expect(await ups()).toEqual(['store_up 1', 'uploads_up 0']);
  Object.assign(away, { store: true, uploads: false });
  expect(await ups()).toEqual(['store_up 0', 'uploads_up 1']);
  away.store = undefined;
  expect(await ups()).toEqual(['uploads_up 1']);
});
