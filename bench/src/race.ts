import type { Contender } from './contender.ts';
import type { BenchImage, Prediction } from './image-set.ts';

export interface Round {
  /** Images per second of each contender, in the order of the contenders. */
  readonly imagesPerSecond: readonly number[];
}

export interface RaceResult {
  readonly rounds: readonly Round[];
  /** What each contender read the last time, image by image. */
  readonly predictions: readonly (readonly Prediction[])[];
}

export interface RaceOptions {
  /** Images in a round: enough that the last one, which one process reads while another idles, weighs little. */
  readonly chunk: number;
  /** How often the whole set is read. */
  readonly passes: number;
}

/**
 * Lets the contenders read the same images one after the other, in rounds. Who begins changes from round to round, so
 * that a machine that gets slower or faster meanwhile treats all alike.
 */
export async function race(
  contenders: readonly Contender[],
  images: readonly BenchImage[],
  { chunk, passes, onRound }: RaceOptions & { readonly onRound: (round: Round) => void },
): Promise<RaceResult> {
  const read = contenders.map(() => new Map<string, Prediction>());
  const rounds: Round[] = [];
  for (let pass = 0; pass < passes; pass++) {
    for (let start = 0; start < images.length; start += chunk) {
      const part = images.slice(start, start + chunk);
      const speeds = contenders.map(() => Number.NaN);
      for (const turn of contenders.keys()) {
        const who = (turn + rounds.length) % contenders.length;
        const result = await contenders[who]?.run(part);
        if (result === undefined) continue;
        speeds[who] = part.length / result.seconds;
        for (const prediction of result.predictions) read[who]?.set(prediction.file, prediction);
      }
      const round = { imagesPerSecond: speeds };
      rounds.push(round);
      onRound(round);
    }
  }
  return { rounds, predictions: read.map((byFile) => [...byFile.values()]) };
}
