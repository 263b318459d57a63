import { createEnginePool, type EnginePool, fitEngines } from '@glyphmill/ocr/pool';
import { placeDrawings } from './boxes-path.ts';
import type { BoxDrawer } from './draw-boxes.ts';
import { findImageFiles, readImageFile, type ImageFile } from './image-files.ts';
import { toFailure } from './input-error.ts';
import type { OcrOptions } from './ocr-options.ts';
import { createSerialQueue, mapInOrder } from './ordered-map.ts';
import { formatFailure, formatJson, formatText, type Outcome } from './print-page.ts';
import { createProgress } from './progress.ts';
import { writeOutput } from './write-output.ts';

/** The service's defaults. Whoever reads files of his own has more patience than a web client. */
const limits = { maxImageBytes: 20_000_000, maxImagePixels: 40_000_000 } as const;
const pageTimeoutMs = 60_000;
const memoryLimitBytes = 1_000_000_000;

export interface OcrSurroundings {
  /** Relative names are meant from here. */
  readonly cwd: string;
  readonly stdin: AsyncIterable<Uint8Array>;
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
  /** Stops everything; what is printed until then stays. */
  readonly signal: AbortSignal;
}

type Readable = Extract<ImageFile, { name: string }>;

interface Reader {
  readonly pool: EnginePool;
  readonly draw: ((file: Readable, drawing: Omit<Parameters<BoxDrawer>[0], 'target'>) => Promise<void>) | undefined;
  readonly surroundings: OcrSurroundings;
}

/** Reads all inputs and prints what they say. Returns the exit code. Throws `UsageError`. */
export async function runOcr(options: OcrOptions, surroundings: OcrSurroundings): Promise<number> {
  const { cwd, stderr, signal } = surroundings;
  const files = await findImageFiles(options.inputs, cwd);
  const readable = files.filter((file): file is Readable => 'name' in file);
  const draw = await prepareDrawing(options.boxes, readable, cwd);
  if (readable.length === 0) return printAll(files, options, { pool: undefined, draw, surroundings });
  const fit = fitEngines(options.model);
  const processes = Math.min(options.processes ?? fit.processes, readable.length);
  let pool: EnginePool;
  try {
    pool = await createEnginePool({
      processes,
      threads: options.processes === undefined ? fit.threads : 1,
      model: options.model,
      precision: options.precision,
      limits,
      minConfidence: options.minConfidence,
      pageTimeoutMs,
      memoryLimitBytes,
    });
  } catch (error) {
    // Ctrl-C reaches the engine processes too; that they end is then no news.
    if (!signal.aborted) stderr.write(formatFailure('engine', toFailure(error)));
    return 1;
  }
  // Closing at once ends the processes that still read; without it an interrupt would wait for their pages.
  const close = (): void => void pool.close();
  signal.addEventListener('abort', close, { once: true });
  if (signal.aborted) close();
  try {
    return await printAll(files, options, { pool, draw, surroundings });
  } finally {
    await pool.close();
  }
}

async function prepareDrawing(
  out: string | undefined,
  files: readonly Readable[],
  cwd: string,
): Promise<Reader['draw']> {
  if (out === undefined) return undefined;
  const places = placeDrawings(out, files, cwd);
  // Loaded only when asked for: the image library takes longer to load than everything else here.
  const { createBoxDrawer } = await import('./draw-boxes.ts');
  const drawBoxes = await createBoxDrawer(limits);
  // One at a time: a decoded page may take 120 MB.
  const serially = createSerialQueue();
  return (file, drawing) => {
    const target = places.get(file);
    return target === undefined ? Promise.resolve() : serially(() => drawBoxes({ ...drawing, target }));
  };
}

async function printAll(
  files: readonly ImageFile[],
  options: OcrOptions,
  reader: Omit<Reader, 'pool'> & { readonly pool: EnginePool | undefined },
): Promise<number> {
  const { stdout, stderr, signal } = reader.surroundings;
  const engines = reader.pool?.size ?? 1;
  const progress = createProgress(files.length, stderr);
  // One image more than engines waits with its bytes at hand; finished texts may wait for a slow image before them.
  const outcomes = mapInOrder(files, { concurrency: engines + 1, readAhead: engines * 8 + 1 }, async (file) => {
    const outcome = await readOne(file, reader);
    progress.step();
    return outcome;
  });
  let failures = 0;
  let first = true;
  for await (const outcome of outcomes) {
    if (signal.aborted) break;
    const text = options.json ? formatJson(outcome) : formatText(outcome, { header: files.length > 1, first });
    await progress.around(async () => {
      if (text !== '') await writeOutput(stdout, text, signal);
      if (outcome.failure !== undefined) stderr.write(formatFailure(outcome.label, outcome.failure));
    });
    if (text !== '') first = false;
    if (outcome.failure !== undefined) failures++;
  }
  progress.close();
  return failures > 0 ? 1 : 0;
}

/** Never throws. */
async function readOne(
  file: ImageFile,
  { pool, draw, surroundings }: Parameters<typeof printAll>[2],
): Promise<Outcome> {
  const { label } = file;
  if (!('name' in file)) return { label, failure: toFailure(file.error) };
  if (pool === undefined) return { label, failure: { code: 'internal', message: 'No engine' } };
  let outcome: Outcome = { label };
  try {
    const { stdin, signal } = surroundings;
    const bytes = await readImageFile(file.path, { maxBytes: limits.maxImageBytes, stdin });
    const page = await pool.recognize(bytes, { signal });
    outcome = { label, page };
    await draw?.(file, { bytes, page });
    return outcome;
  } catch (error) {
    return { ...outcome, failure: toFailure(error) };
  }
}
