import type { Contender } from './contender.ts';
import type { BenchImage, Prediction } from '../image-set.ts';

export interface Round {
  /** Images per second of each contender, in the order of the contenders; NaN of those that did not take part. */
  readonly imagesPerSecond: readonly number[];
}

/** How one contender did. */
export interface Showing {
  /** Images that it read, those read again included. */
  readonly images: number;
  /** What it read the last time, image by image. */
  readonly predictions: readonly Prediction[];
  readonly latenciesMs: readonly number[];
  /** Names of images that it could not read, each once. */
  readonly failed: readonly string[];
}

export interface RaceResult {
  readonly rounds: readonly Round[];
  /** In the order of the contenders. */
  readonly showings: readonly Showing[];
}

export interface RaceOptions {
  /** Images in a round: enough that the last one, which one process reads while another idles, weighs little. */
  readonly chunk: number;
  /** How often the whole set is read; latencies are measured the first time only. */
  readonly passes: number;
}

export interface RaceEvents {
  readonly onRound: (round: Round) => void;
  /** Told once of each image that somebody could not read. */
  readonly onFailure: (message: string) => void;
}

/**
 * Lets the contenders read the same images one after the other, in rounds. Who begins changes from round to round, so
 * that a machine that gets slower or faster meanwhile treats all alike.
 */
export async function race(
  contenders: readonly Contender[],
  images: readonly BenchImage[],
  { chunk, passes, onRound, onFailure }: RaceOptions & RaceEvents,
): Promise<RaceResult> {
  const records = contenders.map(() => ({
    images: 0,
    predictions: new Map<string, Prediction>(),
    latenciesMs: [] as number[],
    failed: new Set<string>(),
  }));
  const rounds: Round[] = [];
  for (let pass = 0; pass < passes; pass++) {
    for (let start = 0; start < images.length; start += chunk) {
      const part = images.slice(start, start + chunk);
      const speeds = contenders.map(() => Number.NaN);
      for (const turn of contenders.keys()) {
        const who = (turn + rounds.length) % contenders.length;
        const [contender, record] = [contenders[who], records[who]];
        if (contender === undefined || record === undefined) continue;
        if (contender.role === 'latency' && pass > 0) continue;
        const { seconds, predictions, latenciesMs, failures } = await contender.run(part);
        speeds[who] = predictions.length / seconds;
        record.images += predictions.length;
        record.latenciesMs.push(...latenciesMs);
        for (const prediction of predictions) record.predictions.set(prediction.file, prediction);
        for (const failure of failures) {
          if (!record.failed.has(failure.file)) onFailure(`${contender.name}: ${failure.file}: ${failure.reason}`);
          record.failed.add(failure.file);
        }
      }
      const round = { imagesPerSecond: speeds };
      rounds.push(round);
      onRound(round);
    }
  }
  const showings = records.map((record) => ({
    ...record,
    predictions: [...record.predictions.values()],
    failed: [...record.failed],
  }));
  return { rounds, showings };
}
