// Entry of an engine process: reads one page at a time for the pool that started it, and goes when the pool goes.
import { createEngine, type Engine } from '../engine.ts';
import { EngineError } from '../engine-error.ts';
import type { EngineProcessOptions, FromEngine, ToEngine, Usage } from './engine-protocol.ts';

let engine: Engine | undefined;
let options: EngineProcessOptions | undefined;
let current: { readonly id: number; readonly abort: AbortController } | undefined;

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
      void readPage(message.id, message.bytes);
      break;
    case 'cancel':
      if (current?.id === message.id) current.abort.abort();
      break;
  }
});

async function start(given: EngineProcessOptions): Promise<void> {
  options = given;
  try {
    engine = await createEngine(given);
    send({ type: 'ready', usage: usage() });
  } catch (error) {
    send({ type: 'start_failed', error: wireError(error) });
  }
}

async function readPage(id: number, bytes: Uint8Array): Promise<void> {
  const abort = new AbortController();
  current = { id, abort };
  send({ type: 'started', id });
  try {
    if (engine === undefined || options === undefined) throw new EngineError('engine_failed', 'Not started');
    const result = await engine.recognize(bytes, { minConfidence: options.minConfidence, signal: abort.signal });
    send({ type: 'result', id, result: { ...result, lines: [...result.lines] }, usage: usage() });
  } catch (error) {
    send({ type: 'error', id, error: wireError(error), usage: usage() });
  } finally {
    current = undefined;
    collectGarbage();
  }
}

/**
 * V8 sees only the handles of a page's large buffers and lets tens of them pile up; the next page would then be put
 * beside them instead of into the same memory. The answer is out already, and the heap is small: a few milliseconds.
 */
function collectGarbage(): void {
  globalThis.gc?.();
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
