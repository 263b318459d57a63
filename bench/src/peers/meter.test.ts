import { expect, test } from 'vitest';
import { sumCpuSeconds } from '../proc-stat.ts';
import { createMeter } from './meter.ts';

test('adds up the processor time of what was measured, and nothing between', async () => {
  let clock = 5;
  const meter = createMeter({ pids: () => [], cpuSeconds: () => clock });
  expect(await meter.measure(async () => (clock += 2))).toBe(7);
  clock += 100;
  await expect(
    meter.measure(async () => {
      clock += 1;
      throw new Error('no');
    }),
  ).rejects.toThrow('no');
  expect(meter.usage().cpuSeconds).toBe(3);
});

test('sees memory and processor time of a real process', async () => {
  const meter = createMeter({ pids: () => [process.pid], cpuSeconds: () => sumCpuSeconds([process.pid]) });
  const kept = await meter.measure(async () => {
    const until = process.cpuUsage().user + 100_000;
    while (process.cpuUsage().user < until);
    return Buffer.alloc(50e6, 1);
  });
  const { peakBytes, peakBytesEach, cpuSeconds } = meter.usage();
  expect(peakBytes).toBeGreaterThan(kept.length);
  expect(peakBytesEach).toHaveLength(1);
  // Linux counts in hundredths of a second.
  expect(cpuSeconds).toBeGreaterThanOrEqual(0.09);
});
