import type { BenchImage, Prediction } from '../image-set.ts';

/** Some images read by one contender. */
export interface Turn {
  /** Reading the files is not counted. */
  readonly seconds: number;
  readonly predictions: readonly Prediction[];
  /** Of each image that was read, in milliseconds; while others are read at the same time where the contender does that. */
  readonly latenciesMs: readonly number[];
  /** Images that could not be read, which were in its time and have no prediction. */
  readonly failures: readonly { readonly file: string; readonly reason: string }[];
}

/** What the turns have cost so far. */
export interface Usage {
  /** Highest resident memory of all its processes together, in bytes. */
  readonly peakBytes: number;
  /** Of each process at its own highest. */
  readonly peakBytesEach: readonly number[];
  /** Processor time of all its processes, in seconds. */
  readonly cpuSeconds: number;
}

/** One who takes part in the race; its models stay loaded between rounds. */
export interface Contender {
  readonly name: string;
  /** Whether it is asked for images/s, or only how long one image takes that has the machine to itself. */
  readonly role: 'saturation' | 'latency';
  run(images: readonly BenchImage[]): Promise<Turn>;
  usage(): Usage;
  close(): Promise<void>;
}
