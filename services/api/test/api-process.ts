import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';

const main = fileURLToPath(new URL('../src/main.ts', import.meta.url));
const listening = z.object({ type: z.literal('listening'), port: z.int(), opsPort: z.int() });

/** The service as it runs in production: its own process, its own ports, its output kept. */
export interface ApiProcess {
  readonly url: string;
  readonly port: number;
  readonly opsUrl: string;
  readonly child: ChildProcess;
  output(): string;
  /** Resolves with the exit code. */
  readonly exited: Promise<number | null>;
  stop(): Promise<void>;
}

export function spawnApi(env: Readonly<Record<string, string>>) {
  const dataFolder = mkdtempSync(join(tmpdir(), 'glyphmill-api-'));
  const child = fork(main, {
    env: { HOST: '127.0.0.1', PORT: '0', OPS_PORT: '0', DATA_DIR: dataFolder, ...env },
    silent: true,
    execArgv: [],
  });
  child.once('exit', () => {
    rmSync(dataFolder, { recursive: true, force: true });
  });
  const chunks: string[] = [];
  for (const stream of [child.stdout, child.stderr])
    stream?.on('data', (chunk: Buffer) => chunks.push(chunk.toString()));
  const exited = once(child, 'exit').then(([code]) => code as number | null);
  return { child, exited, output: () => chunks.join('') };
}

export async function startApi(env: Readonly<Record<string, string>>): Promise<ApiProcess> {
  const { child, exited, output } = spawnApi(env);
  const message = await Promise.race([
    once(child, 'message').then(([first]) => listening.parse(first)),
    exited.then((code) => {
      throw new Error(`The API ended with ${String(code)}:\n${output()}`);
    }),
  ]);
  return {
    url: `http://127.0.0.1:${message.port}`,
    port: message.port,
    opsUrl: `http://127.0.0.1:${message.opsPort}`,
    child,
    output,
    exited,
    async stop() {
      child.kill('SIGKILL');
      await exited;
    },
  };
}
