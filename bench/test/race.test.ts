import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { drawReceipts } from '../src/drawn-receipts.ts';
import { loadImages } from '../src/image-set.ts';
import { raceModel } from '../src/peers/race-model.ts';

let folder: string;
beforeAll(async () => (folder = await drawReceipts(await mkdtemp(path.join(os.tmpdir(), 'race-')), 2)));
afterAll(() => rm(folder, { recursive: true, force: true }));

test('our part of the race: real engines alone, then behind POST /analyze', async () => {
  const images = await loadImages(folder, undefined);
  const surroundings = { cwd: folder, env: process.env, print: () => undefined, note: () => undefined };
  const { report } = await raceModel(
    'tiny',
    images,
    { threads: 1, chunk: 2, passes: 1, peers: [], python: 'none', api: { requestsPerLoad: 2, loadShares: [0.9] } },
    surroundings,
  );
  const [ours, api, ...others] = report.contenders;
  expect(others).toEqual([]);
  // Drawn letters are easy; an engine that reads nothing, or truth that is not where the text is, would show.
  expect(ours?.scores?.wordF1).toBeGreaterThan(0.9);
  expect(ours?.scores?.lineF1).toBeGreaterThan(0.7);
  expect(ours?.imagesPerSecond?.median).toBeGreaterThan(0);
  expect(ours?.latency?.images).toBe(2);
  expect(ours?.peakBytesEach).toHaveLength(1);
  expect(ours?.cpuSecondsPerImage).toBeGreaterThan(0.01);
  expect(api?.scores).toEqual(ours?.scores);
  // Redis, API, worker and its engine.
  expect(api?.peakBytesEach).toHaveLength(4);
  expect(report.load?.points).toMatchObject([{ requests: 2, failed: 0, images: 2 }]);
});
