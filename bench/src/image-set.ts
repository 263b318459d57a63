import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import type { Line } from '@glyphmill/ocr/pool';
import { UsageError } from './bench-surroundings.ts';
import { extentOf, scoreImages, type Scores, type TextLine } from './score.ts';
import { findTruth } from './truth.ts';

export interface BenchImage {
  /** Name inside its folder. */
  readonly file: string;
  readonly path: string;
  readonly bytes: Uint8Array;
  /** What stands on it; undefined: not known, so that it counts for speed only. */
  readonly truth: readonly TextLine[] | undefined;
}

/** What was read on one image. */
export interface Prediction {
  readonly file: string;
  readonly lines: readonly Pick<Line, 'text' | 'confidence' | 'box'>[];
}

const imageExtensions: ReadonlySet<string> = new Set('.jpg .jpeg .png .webp .tif .tiff .gif .avif'.split(' '));

/** All images of a folder, sorted by name, in memory: reading files is not what is measured. Throws `UsageError` when it has none. */
export async function loadImages(dir: string, truthDir: string | undefined, limit = Infinity): Promise<BenchImage[]> {
  const entries = await readdir(dir).catch((error: NodeJS.ErrnoException) => {
    throw new UsageError(`${dir} is no folder that can be read (${error.code ?? error.message})`);
  });
  const files = entries
    .filter((file) => imageExtensions.has(path.extname(file).toLowerCase()) && !file.startsWith('.'))
    .toSorted()
    .slice(0, limit);
  if (files.length === 0) throw new UsageError(`No images in ${dir}`);
  return Promise.all(
    files.map(async (file) => {
      const imagePath = path.join(dir, file);
      return { file, path: imagePath, bytes: await readFile(imagePath), truth: await findTruth(imagePath, truthDir) };
    }),
  );
}

/** Scores the images whose truth is known; undefined when there are none. An image that failed counts as empty. */
export function scorePredictions(
  images: readonly BenchImage[],
  predictions: readonly Prediction[],
): Scores | undefined {
  const read = new Map(predictions.map((prediction) => [prediction.file, prediction]));
  const scored = images.flatMap(({ file, truth }) => {
    if (truth === undefined) return [];
    const lines = read.get(file)?.lines ?? [];
    return [{ expected: truth, predicted: lines.map(({ text, box }) => ({ text, extent: extentOf(box) })) }];
  });
  return scored.length === 0 ? undefined : scoreImages(scored);
}

/** One JSON object per line: `{file, lines: [{text, confidence, box}]}`. */
export function formatPredictions(predictions: readonly Prediction[]): string {
  return predictions.map((prediction) => `${JSON.stringify(prediction)}\n`).join('');
}
