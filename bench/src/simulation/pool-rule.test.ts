import { describe, expect, test } from 'vitest';
import { planPool } from './pool-rule.ts';
import { checkRule, keepsPromise } from './rule-check.ts';
import { usualCluster } from './scenario.ts';
import type { ServiceTimeMeasurement } from './service-times.ts';

/** Pages of 0.5 to 3 s, mean 1.8 s: receipts, about. */
const measured: ServiceTimeMeasurement = {
  model: 'small',
  pages: 'for the test',
  modelLoadMs: 1_500,
  pageMs: [500, 1_000, 1_500, 1_700, 1_800, 1_900, 2_200, 2_400, 3_000, 2_000],
};
const cluster = usualCluster(measured);
const steady = { steadyPerSecond: 2, burstPerSecond: 40, pagesPerSecondOfPod: 2 / 1.8 };

// Each a burst of 20 times the steady load.
describe.each([60, 300, 900])('a burst of %d s', (burstSeconds) => {
  test.each([120, 300, 600])('drains within a target of %d s, with what the rule says', (targetWaitSeconds) => {
    const check = checkRule({ ...steady, burstSeconds, targetWaitSeconds }, { cluster, measured, seed: 7 });
    expect(check, JSON.stringify(check)).toSatisfy(keepsPromise);
    expect(check.mostReplicas).toBeLessThanOrEqual(check.plan?.pool.maxReplicas ?? 0);
  });
});

test('no pool keeps a target that is shorter than pods need to come', () => {
  expect(planPool({ ...steady, burstSeconds: 60, targetWaitSeconds: 60 }, cluster)).toBeUndefined();
});

test('with what was measured instead of what the rule says, the same burst does not drain in time', () => {
  const promise = { ...steady, burstSeconds: 60, targetWaitSeconds: 120 };
  const check = checkRule(promise, { cluster, measured, seed: 7 });
  expect(check).toSatisfy(keepsPromise);
  // As if pods began at once: the autoscaler asks for fewer.
  const instant = { ...cluster, scrapeSeconds: 0, syncSeconds: 0, podStartSeconds: 0, tolerance: 0 };
  const naive = planPool(promise, instant);
  const late = checkRule(promise, { cluster, measured, seed: 7, plan: naive });
  expect(late).not.toSatisfy(keepsPromise);
});

test('pools are not taken away before the backlog is read: the window is at least the target', () => {
  expect(planPool({ ...steady, burstSeconds: 60, targetWaitSeconds: 900 }, cluster)?.scaleDownWindowSeconds).toBe(900);
  expect(planPool({ ...steady, burstSeconds: 60, targetWaitSeconds: 120 }, cluster)?.scaleDownWindowSeconds).toBe(300);
});
