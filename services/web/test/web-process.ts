import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';

const main = fileURLToPath(new URL('../src/main.ts', import.meta.url));
const listening = z.object({ type: z.literal('listening'), port: z.int(), opsPort: z.int() });

/** The service as it runs in production: its own process, its own ports, its output kept. */
export interface WebProcess {
  readonly url: string;
  readonly opsUrl: string;
  readonly child: ChildProcess;
  output(): string;
  /** Resolves with the exit code. */
  readonly exited: Promise<number | null>;
  stop(): Promise<void>;
}

export async function startWeb(env: Readonly<Record<string, string>>): Promise<WebProcess> {
  const child = fork(main, {
    env: { HOST: '127.0.0.1', WEB_PORT: '0', OPS_PORT: '0', ...env },
    silent: true,
    execArgv: [],
  });
  const chunks: string[] = [];
  for (const stream of [child.stdout, child.stderr])
    stream?.on('data', (chunk: Buffer) => chunks.push(chunk.toString()));
  const exited = once(child, 'exit').then(([code]) => code as number | null);
  const message = await Promise.race([
    once(child, 'message').then(([first]) => listening.parse(first)),
    exited.then((code) => {
      throw new Error(`The page's service ended with ${String(code)}:\n${chunks.join('')}`);
    }),
  ]);
  return {
    url: `http://127.0.0.1:${message.port}`,
    opsUrl: `http://127.0.0.1:${message.opsPort}`,
    child,
    output: () => chunks.join(''),
    exited,
    async stop() {
      child.kill('SIGKILL');
      await exited;
    },
  };
}
