import type { ModelName } from '@glyphmill/ocr/pool';
import { scorePredictions, type BenchImage } from '../image-set.ts';
import { percentile } from '../percentile.ts';
import type { Scores } from '../score.ts';
import type { Contender, Usage } from './contender.ts';
import type { Machine } from './machine.ts';
import type { LoadResult } from './open-loop.ts';
import type { RaceResult } from './race.ts';
import type { Versions } from './versions.ts';

/** A value that was measured in every round. */
export interface Spread {
  readonly median: number;
  readonly lowest: number;
  readonly highest: number;
}

export interface LatencySummary {
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly images: number;
}

export interface ContenderReport extends Omit<Usage, 'cpuSeconds'> {
  readonly name: string;
  /** At saturation; undefined for one that was only asked for latencies. */
  readonly imagesPerSecond: Spread | undefined;
  /** Images/s of the first contender over those of this one, in the same round; undefined for the first one itself. */
  readonly ratio: Spread | undefined;
  /** Undefined without truth. */
  readonly scores: Scores | undefined;
  /** One image at a time; undefined of one that only reads several. */
  readonly latency: LatencySummary | undefined;
  readonly cpuSecondsPerImage: number;
  /** Images that it could not read; they count as if nothing stood on them. */
  readonly failed: number;
}

/** One load on `POST /analyze`. */
export interface LoadPoint extends Partial<LatencySummary> {
  readonly requestsPerSecond: number;
  readonly requests: number;
  readonly failed: number;
}

/** `POST /analyze` with requests that come by chance. */
export interface LoadCurve {
  /** Images/s through `POST /analyze` when no engine is ever idle. */
  readonly saturation: number;
  readonly points: readonly LoadPoint[];
}

export interface ModelReport {
  readonly model: ModelName;
  /** Ours first, `POST /analyze` second where it was measured, then the peers. */
  readonly contenders: readonly ContenderReport[];
  readonly load: LoadCurve | undefined;
}

export interface PeersReport {
  /** Day, as 2026-11-27. */
  readonly date: string;
  readonly command: string;
  readonly machine: Machine;
  readonly versions: Versions;
  /** Share of all processor time that others took meanwhile, 0..1. */
  readonly othersShare: number | undefined;
  readonly images: { readonly folder: string; readonly count: number; readonly withTruth: number };
  /** Threads of each peer, and engine processes of ours. */
  readonly threads: number;
  readonly models: readonly ModelReport[];
}

/** Of the numbers among the values; undefined when there are none. */
export function spreadOf(values: readonly number[]): Spread | undefined {
  const numbers = values.filter((value) => !Number.isNaN(value));
  if (numbers.length === 0) return undefined;
  return { median: percentile(numbers, 0.5), lowest: Math.min(...numbers), highest: Math.max(...numbers) };
}

/** Undefined when there are none. */
export function summarizeLatencies(latenciesMs: readonly number[]): LatencySummary | undefined {
  if (latenciesMs.length === 0) return undefined;
  return { p50Ms: percentile(latenciesMs, 0.5), p95Ms: percentile(latenciesMs, 0.95), images: latenciesMs.length };
}

export function summarizeLoad({ requestsPerSecond, requests, failed, latenciesMs }: LoadResult): LoadPoint {
  return { requestsPerSecond, requests, failed, ...summarizeLatencies(latenciesMs) };
}

/**
 * Reports of the contenders in their order, except that two of the same name become one: what the one that was asked for
 * latencies has to say of them goes to the other.
 */
export function reportContenders(
  contenders: readonly Contender[],
  { rounds, showings }: RaceResult,
  images: readonly BenchImage[],
): ContenderReport[] {
  const speedsOf = (index: number): number[] =>
    rounds.map(({ imagesPerSecond }) => imagesPerSecond[index] ?? Number.NaN);
  const latenciesOf = (name: string): readonly number[] => {
    const asked = contenders.findIndex((other) => other.name === name && other.role === 'latency');
    return showings[asked === -1 ? contenders.findIndex((other) => other.name === name) : asked]?.latenciesMs ?? [];
  };
  const own = speedsOf(0);
  return contenders.flatMap(({ name, role, usage }, index) => {
    const isRepeated = role === 'latency' && contenders.some((other) => other.name === name && other.role !== role);
    const showing = showings[index];
    if (isRepeated || showing === undefined) return [];
    const speeds = role === 'latency' ? [] : speedsOf(index);
    const { cpuSeconds, ...memory } = usage();
    return {
      name,
      ...memory,
      imagesPerSecond: spreadOf(speeds),
      ratio: index === 0 ? undefined : spreadOf(speeds.map((speed, round) => (own[round] ?? Number.NaN) / speed)),
      scores: scorePredictions(images, showing.predictions),
      latency: summarizeLatencies(latenciesOf(name)),
      cpuSecondsPerImage: cpuSeconds / showing.images,
      failed: showing.failed.length,
    };
  });
}
