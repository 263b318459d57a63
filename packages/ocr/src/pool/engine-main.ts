// Entry of an engine process: reads the pages that the pool which started it hands over, and goes when the pool goes.
import { createEngine, type Engine } from '../engine.ts';
import { EngineError } from '../engine-error.ts';
import type { BatchReport } from '../types.ts';
import {
  type EngineProcessOptions,
  type FromEngine,
  maxBatchesPerMessage,
  type ToEngine,
  type Usage,
} from './engine-protocol.ts';

type PageMessage = Extract<ToEngine, { type: 'page' }>;

/** Pages in hand at the same time each want their garbage collected; a process that reads many of them cannot stop so often. */
const garbagePauseMs = 500;

let engine: Engine | undefined;
let options: EngineProcessOptions | undefined;
let batches: BatchReport[] = [];
let collectedAt = 0;
const pages = new Map<number, AbortController>();

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
      pages.get(message.id)?.abort();
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

async function readPage({ id, bytes, pictures }: PageMessage): Promise<void> {
  const abort = new AbortController();
  pages.set(id, abort);
  send({ type: 'started', id });
  try {
    if (engine === undefined || options === undefined) throw new EngineError('engine_failed', 'Not started');
    const { minConfidence } = options;
    const result = await engine.recognize(bytes, { minConfidence, pictures, signal: abort.signal });
    send({ type: 'result', id, result: { ...result, lines: [...result.lines] }, usage: usage(), ...takeBatches() });
  } catch (error) {
    send({ type: 'error', id, error: wireError(error), usage: usage(), ...takeBatches() });
  } finally {
    pages.delete(id);
    collectGarbage();
  }
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
