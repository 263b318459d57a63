import type { Lane } from '@glyphmill/core/queue';
import type { Arrivals } from './arrivals.ts';
import { defaultScaleUp, type ScalingRules } from './horizontal-autoscaler.ts';
import { createRandom, type Random } from './random.ts';
import { asMeasured, type ServiceTimeMeasurement } from './service-times.ts';
import { simulate, type SimulationResult } from './simulate.ts';

/** What a pool of workers is told, by the names of the chart's values. */
export interface PoolSettings {
  readonly minReplicas: number;
  readonly maxReplicas: number;
  readonly pagesPerSecondPerPod: number;
  readonly targetWaitSeconds: number;
}

/** A pool, and what comes to it. */
export interface Scenario {
  /** Of its files. */
  readonly name: string;
  readonly title: string;
  readonly pool: PoolSettings;
  readonly seconds: number;
  readonly burst?: Period;
  arrivals(random: Random): Readonly<Partial<Record<Lane, Arrivals>>>;
}

export interface Period {
  readonly fromSeconds: number;
  readonly untilSeconds: number;
}

/** What a cluster is like, and what the chart says beside the pool's values. */
export interface Cluster {
  readonly enginesPerPod: number;
  /** From the decision to have one more pod until it takes jobs. */
  readonly podStartSeconds: number;
  readonly scrapeSeconds: number;
  readonly syncSeconds: number;
  readonly tolerance: number;
  readonly drainGraceSeconds: number;
  readonly admitWithinSeconds: number;
  readonly scaleUp: ScalingRules;
  readonly scaleDown: ScalingRules;
}

export interface StartAssumptions {
  readonly scheduleSeconds: number;
  readonly imagePullSeconds: number;
  readonly readinessSeconds: number;
}

/** Guesses, but for the last one; loading the models is measured and comes on top. */
export const startAssumptions: StartAssumptions = {
  scheduleSeconds: 2,
  // A gigabyte over a fast network; nothing on a node that has had the image before, minutes on a slow registry or a new node.
  imagePullSeconds: 20,
  // A readiness probe every 5 s, and the start of Node before.
  readinessSeconds: 6,
};

/** The chart's defaults, and those of Kubernetes where it says nothing. */
export function usualCluster({ modelLoadMs }: ServiceTimeMeasurement, start = startAssumptions): Cluster {
  return {
    // limits.cpu of workers.cpu.
    enginesPerPod: 2,
    podStartSeconds: start.scheduleSeconds + start.imagePullSeconds + modelLoadMs / 1000 + start.readinessSeconds,
    scrapeSeconds: 15,
    syncSeconds: 15,
    tolerance: 0.1,
    drainGraceSeconds: 60,
    // SYNC_TIMEOUT_MS.
    admitWithinSeconds: 30,
    scaleUp: defaultScaleUp,
    scaleDown: {
      stabilizationWindowSeconds: 300,
      selectPolicy: 'Max',
      policies: [{ type: 'Pods', value: 1, periodSeconds: 60 }],
    },
  };
}

/** From a burst until the first pod that it has asked for takes jobs, at worst. */
export function reactionSeconds({ scrapeSeconds, syncSeconds, podStartSeconds }: Cluster): number {
  return scrapeSeconds + syncSeconds + podStartSeconds;
}

/** What a pod really reads, if its engines have a core each. */
export function pagesPerSecondOf({ enginesPerPod }: Cluster, { pageMs }: ServiceTimeMeasurement): number {
  return enginesPerPod / asMeasured(pageMs).meanSeconds;
}

export interface ScenarioRun {
  readonly scenario: Scenario;
  readonly cluster: Cluster;
  readonly measured: ServiceTimeMeasurement;
  readonly seed: number;
}

export function runScenario({ scenario, cluster, measured, seed }: ScenarioRun): SimulationResult {
  const { minReplicas, maxReplicas, pagesPerSecondPerPod, targetWaitSeconds } = scenario.pool;
  const { tolerance, scaleUp, scaleDown, scrapeSeconds, syncSeconds, ...ofPods } = cluster;
  const random = createRandom(seed);
  return simulate({
    ...ofPods,
    seed,
    // What `jobsHeld` in worker.ts comes to without batches: the page that an engine reads, and the next one's download.
    jobsPerEngine: 2,
    seconds: scenario.seconds,
    arrivals: scenario.arrivals(random),
    serviceTimes: asMeasured(measured.pageMs),
    pods: {
      minReplicas,
      maxReplicas,
      tolerance,
      scaleUp,
      scaleDown,
      scrapeSeconds,
      syncSeconds,
      averageTarget: pagesPerSecondPerPod * targetWaitSeconds,
    },
    sampleSeconds: 5,
  });
}
