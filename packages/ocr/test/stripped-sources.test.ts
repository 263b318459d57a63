import { type ChildProcess, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { bakedModelsDir } from '../src/manifest.ts';
import type { EngineProcessOptions, ToEngine } from '../src/pool/engine-protocol.ts';
import { strippedSources } from '../src/pool/stripped-sources.ts';
import { defaultImageLimits } from '../src/types.ts';

const entry = fileURLToPath(new URL('../src/pool/engine-main.ts', import.meta.url));
const useStrippedSources = `--import=${new URL('../src/pool/use-stripped-sources.mjs', import.meta.url).href}`;
const withoutStripper = '--no-experimental-strip-types';

const options: EngineProcessOptions = {
  model: 'tiny',
  modelsDir: bakedModelsDir,
  provider: 'cpu',
  precision: 'fp32',
  deviceId: 0,
  batching: undefined,
  gpuMemoryLimitBytes: undefined,
  widthStep: undefined,
  threads: 1,
  loneThreads: 1,
  warmUpMs: undefined,
  limits: defaultImageLimits,
  minConfidence: 0.5,
};

function forkEngine(flags: readonly string[] = []): ChildProcess {
  const engine = fork(entry, [], {
    serialization: 'advanced',
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    execArgv: [...flags, useStrippedSources],
  });
  onTestFinished(() => void engine.kill('SIGKILL'));
  return engine;
}

/** As a pool does: the second message may come before anything listens for it. */
function start(engine: ChildProcess, sources: ReadonlyMap<string, string>): void {
  engine.send(sources);
  engine.send({ type: 'start', options } satisfies ToEngine);
}

/** Rejects where it ends before. */
async function firstMessage(engine: ChildProcess): Promise<unknown> {
  const ended = exitCode(engine).then((code) => Promise.reject(new Error(`The engine ended (${String(code)})`)));
  const [message] = await Promise.race([once(engine, 'message') as Promise<unknown[]>, ended]);
  return message;
}

async function exitCode(child: ChildProcess): Promise<unknown> {
  const [code] = (await once(child, 'exit')) as unknown[];
  return code;
}

test('an engine that may not strip types starts from the sources that it is handed', async () => {
  const engine = forkEngine([withoutStripper]);
  start(engine, strippedSources());
  await expect(firstMessage(engine)).resolves.toMatchObject({ type: 'ready' });
});

test('every module that it could be handed is JavaScript', async () => {
  const imports = [...strippedSources().keys()].map((url) => `await import(${JSON.stringify(url)});`);
  const program = `${imports.join('')} process.exit(42);`;
  const flags = [withoutStripper, useStrippedSources, '--input-type=module', '--eval', program];
  const child = spawn(process.execPath, flags, {
    serialization: 'advanced',
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  child.send(strippedSources());
  await expect(exitCode(child)).resolves.toBe(42);
});

test('an engine that is handed no sources starts from the files', async () => {
  const engine = forkEngine();
  start(engine, new Map());
  await expect(firstMessage(engine)).resolves.toMatchObject({ type: 'ready' });
});

test('an engine whose pool is gone before it handed over anything ends by itself', async () => {
  const engine = forkEngine();
  await once(engine, 'spawn');
  engine.disconnect();
  // And by no signal.
  await expect(exitCode(engine)).resolves.toBeTypeOf('number');
});
