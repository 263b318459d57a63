import { inTurns, steadily, withBurst } from './arrivals.ts';
import type { PoolSettings, Scenario } from './scenario.ts';

/** workers.cpu of the chart: one pool for both lanes. */
export const chartPool: PoolSettings = {
  minReplicas: 3,
  maxReplicas: 20,
  pagesPerSecondPerPod: 1,
  targetWaitSeconds: 10,
};

/** A pool for bulk jobs alone, as docs/capacity.md makes it out of the rule. */
export const bulkPool: PoolSettings = {
  minReplicas: 3,
  maxReplicas: 40,
  pagesPerSecondPerPod: 0.65,
  targetWaitSeconds: 300,
};

/** Two thirds of what three pods read. */
export const steadyPerSecond = 2;
export const burstFactor = 20;
const burst = { fromSeconds: 600, untilSeconds: 660 };

export const scenarios: readonly Scenario[] = [
  {
    name: 'burst-bulk-pool',
    title: `Bulk pool: ${steadyPerSecond} jobs/s, ${burstFactor} times as many for a minute`,
    pool: bulkPool,
    seconds: 1800,
    burst,
    arrivals: (random) => ({
      bulk: withBurst(random, { steadyPerSecond, burstPerSecond: burstFactor * steadyPerSecond, ...burst }),
    }),
  },
  {
    name: 'burst-chart-defaults',
    title: `Chart's defaults, both lanes in one pool: bulk from 1 to ${burstFactor}/s for a minute`,
    pool: chartPool,
    seconds: 1800,
    burst,
    arrivals: (random) => ({
      interactive: steadily(random.fork(), steadyPerSecond / 2),
      bulk: withBurst(random, {
        steadyPerSecond: steadyPerSecond / 2,
        burstPerSecond: (burstFactor * steadyPerSecond) / 2,
        ...burst,
      }),
    }),
  },
  {
    name: 'burst-interactive',
    title: `Chart's defaults: interactive calls from ${steadyPerSecond} to ${burstFactor * steadyPerSecond}/s for a minute`,
    pool: chartPool,
    seconds: 1800,
    burst,
    arrivals: (random) => ({
      interactive: withBurst(random, { steadyPerSecond, burstPerSecond: burstFactor * steadyPerSecond, ...burst }),
    }),
  },
  {
    name: 'calm-and-busy',
    title: 'Bulk pool: calm (2 jobs/s) and busy (20 jobs/s) times by chance, six hours',
    pool: bulkPool,
    seconds: 6 * 3600,
    arrivals: (random) => ({
      bulk: inTurns(random, [
        { perSecond: steadyPerSecond, meanSeconds: 1800 },
        { perSecond: 10 * steadyPerSecond, meanSeconds: 300 },
      ]),
    }),
  },
];
