import type { BenchImage, Prediction } from './image-set.ts';

/** Reads one image, however it gets there. */
export type ReadImage = (image: BenchImage) => Promise<Prediction>;

export interface TimedRun {
  readonly images: number;
  readonly seconds: number;
  readonly imagesPerSecond: number;
  /** Of each image that was read, in milliseconds. */
  readonly latenciesMs: readonly number[];
  readonly predictions: readonly Prediction[];
  readonly failures: readonly { readonly file: string; readonly reason: string }[];
}

/** Reads all images, `concurrency` at the same time, in their order. An image that fails is listed, not thrown. */
export async function timeRun(images: readonly BenchImage[], concurrency: number, read: ReadImage): Promise<TimedRun> {
  const latenciesMs: number[] = [];
  const predictions = new Map<BenchImage, Prediction>();
  const failures: { file: string; reason: string }[] = [];
  const waiting = [...images].toReversed();
  const started = performance.now();
  const readUntilDone = async (): Promise<void> => {
    for (let image = waiting.pop(); image !== undefined; image = waiting.pop()) {
      const from = performance.now();
      try {
        predictions.set(image, await read(image));
        latenciesMs.push(performance.now() - from);
      } catch (error) {
        failures.push({ file: image.file, reason: error instanceof Error ? error.message : String(error) });
      }
    }
  };
  await Promise.all(Array.from({ length: concurrency }, readUntilDone));
  const seconds = (performance.now() - started) / 1000;
  return {
    images: images.length,
    seconds,
    imagesPerSecond: images.length / seconds,
    latenciesMs,
    predictions: images.flatMap((image) => predictions.get(image) ?? []),
    failures,
  };
}
