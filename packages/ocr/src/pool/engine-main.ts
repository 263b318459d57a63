// Entry of an engine process: reads the pages that the pool which started it hands over, and goes when the pool goes.
import { createEngine, type Engine } from '../engine.ts';
import { EngineError } from '../engine-error.ts';
import type { Reading } from '../ctc-decode.ts';
import type { LineHelp, LineSource } from '../shared-lines.ts';
import type { BatchReport } from '../types.ts';
import type { EngineProcessOptions, FromEngine, ToEngine, Usage } from './engine-protocol.ts';
import { maxBatchesPerMessage } from './max-batches.ts';

type Message<T extends ToEngine['type']> = Extract<ToEngine, { type: T }>;

interface Page {
  readonly abort: AbortController;
  /** While others may read some of them. */
  lines: LineSource | undefined;
}

/** Pages in hand at the same time each want their garbage collected; a process that reads many of them cannot stop so often. */
const garbagePauseMs = 500;

let engine: Engine | undefined;
let options: EngineProcessOptions | undefined;
let batches: BatchReport[] = [];
let collectedAt = 0;
let helping: Promise<void> | undefined;
const pages = new Map<number, Page>();

// Ctrl-C reaches the whole process group; when to stop is the pool's decision.
process.on('SIGINT', () => undefined);
process.on('SIGTERM', () => undefined);
process.on('disconnect', () => process.exit(0));
process.on('message', (message: ToEngine) => {
  switch (message.type) {
    case 'start':
      void start(message.options);
      break;
    case 'page':
      void readPage(message);
      break;
    case 'cancel':
      pages.get(message.id)?.abort.abort();
      break;
    case 'help':
      handOutLines(message);
      break;
    case 'lines':
      helping = readLines(message);
      break;
    case 'readings':
      pages.get(message.id)?.lines?.settle(message.chunk, message.readings);
      break;
  }
});

async function start(given: EngineProcessOptions): Promise<void> {
  options = given;
  try {
    engine = await createEngine({ ...given, onBatch: noteBatch });
    send({ type: 'ready', usage: usage() });
  } catch (error) {
    send({ type: 'start_failed', error: wireError(error) });
  }
}

async function readPage({ id, bytes, pictures, isShared, isLone }: Message<'page'>): Promise<void> {
  const page: Page = { abort: new AbortController(), lines: undefined };
  pages.set(id, page);
  // What becomes of this process during another page's line is not this page's doing.
  await helping;
  send({ type: 'started', id });
  try {
    if (engine === undefined || options === undefined) throw new EngineError('engine_failed', 'Not started');
    const { minConfidence } = options;
    const help = isShared ? helpWith(id, page) : undefined;
    const result = await engine.recognize(bytes, { minConfidence, pictures, help, signal: page.abort.signal });
    send({ type: 'result', id, result: { ...result, lines: [...result.lines] }, usage: usage(), ...takeBatches() });
  } catch (error) {
    send({ type: 'error', id, error: wireError(error), usage: usage(), ...takeBatches() });
  } finally {
    pages.delete(id);
    collectGarbage();
    await engine?.adapt(isLone ? 'lone' : 'busy');
  }
}

function helpWith(id: number, page: Page): LineHelp {
  return {
    begin(lines) {
      page.lines = lines;
      send({ type: 'help_wanted', id });
    },
    end() {
      page.lines = undefined;
    },
  };
}

function handOutLines({ id, chunks, helpers }: Message<'help'>): void {
  const lines = pages.get(id)?.lines;
  for (let left = chunks; left > 0 && lines !== undefined; left--) {
    const chunk = lines.handOut(helpers);
    if (chunk === undefined) return send({ type: 'no_lines', id });
    send({ type: 'lines', id, chunk: chunk.chunk, crops: [...chunk.crops] });
  }
}

/** Reads lines of another process' page for as long as there is no page to read here. */
async function readLines({ crops }: Message<'lines'>): Promise<void> {
  const readings: Reading[] = [];
  try {
    for (const crop of crops) {
      if (engine === undefined || pages.size > 0) break;
      readings.push(await engine.recognizeCrop(crop));
    }
  } catch {
    // The page's own process will see what is wrong with this line.
  }
  helping = undefined;
  send({ type: 'readings', readings, usage: usage() });
}

function noteBatch(batch: BatchReport): void {
  batches.push(batch);
  if (batches.length > maxBatchesPerMessage) batches.shift();
}

function takeBatches(): { batches?: BatchReport[] } {
  if (batches.length === 0) return {};
  const taken = { batches };
  batches = [];
  return taken;
}

/**
 * V8 sees only the handles of a page's large buffers and lets tens of them pile up; the next page would then be put
 * beside them instead of into the same memory. The answer is out already, and the heap is small: a few milliseconds.
 */
function collectGarbage(): void {
  if (pages.size > 0 && performance.now() - collectedAt < garbagePauseMs) return;
  globalThis.gc?.();
  collectedAt = performance.now();
}

function wireError(error: unknown): { code: EngineError['code']; message: string } {
  if (!(error instanceof EngineError)) return { code: 'engine_failed', message: 'The engine failed' };
  // The cause may quote the image; only what is known to be harmless crosses over.
  return { code: error.code, message: error.message.slice(0, 500) };
}

function usage(): Usage {
  const { user, system } = process.cpuUsage();
  return { rssBytes: process.memoryUsage.rss(), cpuSeconds: (user + system) / 1e6 };
}

function send(message: FromEngine): void {
  if (process.connected) process.send?.(message);
}
