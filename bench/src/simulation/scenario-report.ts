import type { Lane } from '@glyphmill/core/queue';
import { percentile } from '../percentile.ts';
import type { Scenario } from './scenario.ts';
import type { SimulationResult } from './simulate.ts';
import type { SimulatedJob } from './simulated-job.ts';

export interface LaneWaits {
  readonly lane: Lane;
  readonly jobs: number;
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  /** Of all jobs. */
  readonly longest: number;
}

export interface ScenarioReport {
  readonly waits: readonly LaneWaits[];
  readonly refused: number;
  readonly unfinished: number;
  readonly mostReplicas: number;
  /** From the end of the burst until nothing waits for the first time. */
  readonly drainedAfterSeconds: number | undefined;
  /** Of the jobs that a pod that had to go has given back. */
  readonly givenBack: number;
  readonly podHours: number;
  /** From the first shrinking to the last job that arrived: the longest wait meanwhile. */
  readonly longestWaitWhileShrinking: number;
}

/** Seconds from its arrival until an engine began with it. */
export function waitOf({ arrivedAt, startedAt }: SimulatedJob): number {
  return (startedAt ?? Number.POSITIVE_INFINITY) - arrivedAt;
}

export function reportOf({ burst }: Scenario, result: SimulationResult): ScenarioReport {
  const { finished, samples, arrived, refused, podSeconds } = result;
  const drained =
    burst &&
    samples.find(
      ({ atSeconds, waiting }) => atSeconds >= burst.untilSeconds && waiting.interactive + waiting.bulk === 0,
    );
  const shrinksAt = samples.find(({ replicas }, index) => replicas < (samples[index - 1]?.replicas ?? 0))?.atSeconds;
  return {
    waits: (['interactive', 'bulk'] as const).flatMap((lane) => waitsOf(lane, finished)),
    refused,
    unfinished: arrived - refused - finished.length,
    mostReplicas: Math.max(...samples.map(({ replicas }) => replicas)),
    drainedAfterSeconds: burst && drained && drained.atSeconds - burst.untilSeconds,
    givenBack: finished.filter(({ timesGivenBack }) => timesGivenBack > 0).length,
    podHours: podSeconds / 3600,
    longestWaitWhileShrinking: longest(finished.filter(({ arrivedAt }) => arrivedAt >= (shrinksAt ?? Infinity))),
  };
}

function waitsOf(lane: Lane, finished: readonly SimulatedJob[]): LaneWaits[] {
  const jobs = finished.filter((job) => job.lane === lane);
  if (jobs.length === 0) return [];
  const waits = jobs.map(waitOf);
  const [p50 = 0, p95 = 0, p99 = 0] = [0.5, 0.95, 0.99].map((share) => percentile(waits, share));
  return [{ lane, jobs: jobs.length, p50, p95, p99, longest: longest(jobs) }];
}

function longest(jobs: readonly SimulatedJob[]): number {
  return jobs.reduce((most, job) => Math.max(most, waitOf(job)), 0);
}
