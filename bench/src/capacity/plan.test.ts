import { expect, test } from 'vitest';
import type { Footprint } from './footprint.ts';
import { type Demand, planCapacity } from './plan.ts';

const footprint: Footprint = {
  redis: {
    bytesPerWaitingJob: 1_000,
    commandsPerJob: 50,
    cpuSecondsPerJob: 0.0005,
    cpuSecondsPerHeartbeatRead: 1e-6,
    idleCommandsOfApi: 10,
    idleCommandsOfWorker: 5,
    connectionsOfApi: 4,
    connectionsOfWorker: 3,
  },
  postgres: {
    bytesPerJob: 1_000,
    bytesPerLine: 300,
    transactionsPerJob: 4,
    rowsWrittenPerJob: 3,
    cpuSecondsPerJob: 0.002,
    walBytesPerJob: 2_000,
    walBytesPerLine: 400,
    idleTransactionsOfApi: 2,
    idleTransactionsOfWorker: 1,
  },
  api: { cpuSecondsPerJob: 0.001 },
  worker: { cpuSecondsPerJob: 0.01 },
  blobs: { bytesOfPictures: 20_000 },
};
const demand: Demand = {
  imagesPerDay: 864_000,
  peakFactor: 3,
  linesPerPage: 20,
  bytesPerImage: 500_000,
  keepDays: 10,
  targetWaitSeconds: 100,
};
const pace = { pagesPerSecondOfPod: 2, peakUse: 0.75 };

test('ten images a second on average, thirty at the peak', () => {
  const plan = planCapacity(demand, pace, footprint);
  expect(plan).toMatchObject({ meanPerSecond: 10, peakPerSecond: 30, waitingAtPeak: 3_000, apiPods: 3 });
  // 30 / (2 × 0.75) and 10 / (2 × 0.75).
  expect(plan).toMatchObject({ podsAtPeak: 20, podsOnAverage: 7 });
  expect(plan.redis.commandsPerSecond).toBe(30 * 50 + 20 * 5 + 3 * 10);
  expect(plan.redis.threadUse).toBeCloseTo(30 * 0.0005 + 20 * 20 * 1e-6, 12);
  expect(plan.redis).toMatchObject({ backlogBytes: 3_000_000, connections: 20 * 3 + 3 * 4 });
  expect(plan.postgres).toMatchObject({
    transactionsPerSecond: 30 * 4 + 20 + 3 * 2,
    rowsWrittenPerSecond: 30 * 23,
    walBytesPerSecond: 30 * (2_000 + 20 * 400),
    mostConnections: 230,
    bytesPerDay: 864_000 * 7_000,
    bytesKept: 8_640_000 * 7_000,
  });
  expect(plan.postgres.cores).toBeCloseTo(0.06, 12);
  expect(plan.blobs).toEqual({ requestsPerSecond: 210, bytesKept: 8_640_000 * 20_000 + 3_000 * 500_000 });
});

test('API pods grow when one of them would be busy for more than half of its time', () => {
  expect(planCapacity({ ...demand, imagesPerDay: 86_400_000 }, pace, footprint).apiPods).toBe(6);
});

test('heartbeats grow with the square of the workers, everything else with the images', () => {
  const [one, ten] = [1, 10].map((times) =>
    planCapacity({ ...demand, imagesPerDay: demand.imagesPerDay * times }, pace, footprint),
  );
  expect((ten?.redis.heartbeatUse ?? 0) / (one?.redis.heartbeatUse ?? 1)).toBeCloseTo(100, 6);
  expect((ten?.postgres.bytesPerDay ?? 0) / (one?.postgres.bytesPerDay ?? 1)).toBeCloseTo(10, 6);
});

test('there is always a worker', () => {
  expect(planCapacity({ ...demand, imagesPerDay: 1 }, pace, footprint)).toMatchObject({
    podsAtPeak: 1,
    podsOnAverage: 1,
  });
});
