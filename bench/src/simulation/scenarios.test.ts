import { describe, expect, test } from 'vitest';
import { runScenario, usualCluster } from './scenario.ts';
import { reportOf, type ScenarioReport } from './scenario-report.ts';
import { scenarios } from './scenarios.ts';
import { readServiceTimes } from './service-times.ts';

const [measured] = readServiceTimes().values();
if (measured === undefined) throw new Error('No page times were measured');
const cluster = usualCluster(measured);

function reportOn(name: string, seed = 1): ScenarioReport & { readonly lastReplicas: number | undefined } {
  const scenario = scenarios.find((one) => one.name === name);
  if (scenario === undefined) throw new Error(`There is no scenario ${name}`);
  const result = runScenario({ scenario, cluster, measured: measured!, seed });
  return { ...reportOf(scenario, result), lastReplicas: result.samples.at(-1)?.replicas };
}

describe.each(scenarios)('$name', ({ name, pool }) => {
  test('every job that was let in ends, and the pool shrinks to where it came from', () => {
    const report = reportOn(name);
    expect(report.unfinished).toBe(0);
    expect(report.mostReplicas).toBeGreaterThan(pool.minReplicas);
    expect(report.mostReplicas).toBeLessThanOrEqual(pool.maxReplicas);
    expect(report.lastReplicas).toBe(pool.minReplicas);
  });
});

test.each([1, 2, 3])('a pool for bulk jobs reads 20 times its load within its target (seed %i)', (seed) => {
  const { waits, drainedAfterSeconds, longestWaitWhileShrinking } = reportOn('burst-bulk-pool', seed);
  expect(waits[0]?.longest).toBeLessThan(300);
  expect(drainedAfterSeconds).toBeLessThan(300);
  expect(longestWaitWhileShrinking).toBeLessThan(60);
});

test("in the chart's one pool a burst of bulk jobs does not reach interactive callers", () => {
  const { waits, refused } = reportOn('burst-chart-defaults');
  expect(refused).toBe(0);
  expect(waits.find(({ lane }) => lane === 'interactive')?.p99).toBeLessThan(5);
  expect(waits.find(({ lane }) => lane === 'bulk')?.longest).toBeLessThan(120);
});

test('of a burst of interactive calls some are refused, and none of the others waits for longer than its caller', () => {
  const { waits, refused } = reportOn('burst-interactive');
  expect(refused).toBeGreaterThan(100);
  expect(waits[0]?.longest).toBeLessThan(35);
});
