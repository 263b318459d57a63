import { withBurst } from './arrivals.ts';
import { type BurstPromise, type PoolPlan, planPool } from './pool-rule.ts';
import { type Cluster, runScenario, type Scenario } from './scenario.ts';
import { reportOf } from './scenario-report.ts';
import type { ServiceTimeMeasurement } from './service-times.ts';

export interface RuleCheck {
  readonly promise: BurstPromise;
  /** Undefined where no pool can keep the promise; nothing is simulated then. */
  readonly plan: PoolPlan | undefined;
  readonly mostReplicas: number;
  readonly longestWait: number;
  readonly drainedAfterSeconds: number;
  readonly unfinished: number;
}

export interface RuleCheckOptions {
  readonly cluster: Cluster;
  readonly measured: ServiceTimeMeasurement;
  readonly seed: number;
  /** Other values than those of the rule. */
  readonly plan?: PoolPlan | undefined;
}

const burstFrom = 600;
/** For the pool to shrink again while steady jobs still come: a pod a minute. */
const afterwardsSeconds = 3600;

/** Lets the burst of a promise come to the pool that the rule makes of it. */
export function checkRule(
  promise: BurstPromise,
  { cluster, measured, seed, plan = planPool(promise, cluster) }: RuleCheckOptions,
): RuleCheck {
  if (plan === undefined) {
    return { promise, plan, mostReplicas: 0, longestWait: Number.NaN, drainedAfterSeconds: Number.NaN, unfinished: 0 };
  }
  const { pool, scaleDownWindowSeconds } = plan;
  const scaleDown = { ...cluster.scaleDown, stabilizationWindowSeconds: scaleDownWindowSeconds };
  const { steadyPerSecond, burstPerSecond, burstSeconds } = promise;
  const burst = { fromSeconds: burstFrom, untilSeconds: burstFrom + burstSeconds };
  const scenario: Scenario = {
    name: 'rule',
    title: 'rule',
    pool,
    seconds: burst.untilSeconds + afterwardsSeconds,
    burst,
    arrivals: (random) => ({ bulk: withBurst(random, { steadyPerSecond, burstPerSecond, ...burst }) }),
  };
  const report = reportOf(scenario, runScenario({ scenario, cluster: { ...cluster, scaleDown }, measured, seed }));
  return {
    promise,
    plan,
    mostReplicas: report.mostReplicas,
    longestWait: report.waits[0]?.longest ?? 0,
    drainedAfterSeconds: report.drainedAfterSeconds ?? Number.POSITIVE_INFINITY,
    unfinished: report.unfinished,
  };
}

export function keepsPromise({ promise, plan, longestWait, drainedAfterSeconds, unfinished }: RuleCheck): boolean {
  const { targetWaitSeconds } = promise;
  const isInTime = longestWait <= targetWaitSeconds && drainedAfterSeconds <= targetWaitSeconds;
  return plan !== undefined && isInTime && unfinished === 0;
}
