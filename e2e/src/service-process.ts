import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { eventually } from './eventually.ts';
import { sendRequest } from './http-client.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** How long a loaded machine may take to start a service and load its models. */
const startTimeoutMs = 60_000;

export interface ServiceOptions {
  /** Name of the log file, too. */
  readonly name: string;
  readonly service: 'api' | 'worker' | 'ingest' | 'web' | 'all-in-one';
  /** The whole environment but for PATH. */
  readonly env: Readonly<Record<string, string>>;
  readonly folder: string;
  readonly logFolder: string;
  readonly opsPort: number;
  /** Shell commands that are run first, in a mount namespace of the process's own. */
  readonly privateMounts?: readonly string[];
}

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** One real process of a service, started from its main.ts. */
export class ServiceProcess {
  readonly name: string;
  readonly opsPort: number;
  readonly logFile: string;
  readonly exited: Promise<Exit>;
  /** Set once it has ended. */
  exit: Exit | undefined;
  /** A test wants it to end: all other ends are deaths. */
  isExpectedToEnd = false;
  readonly #child: ChildProcess;

  constructor(options: ServiceOptions) {
    const { name, service, env, folder, logFolder, privateMounts } = options;
    this.name = name;
    this.opsPort = options.opsPort;
    this.logFile = join(logFolder, `${name}.log`);
    const main = join(root, 'services', service, 'src', 'main.ts');
    const [command, ...args] = commandLine(main, privateMounts);
    const log = openSync(this.logFile, 'a');
    // With a channel, a service notices when the test is gone and does not outlive it.
    this.#child = spawn(command!, args, {
      cwd: folder,
      env: { PATH: process.env['PATH'] ?? '', ...env },
      stdio: ['ignore', log, log, 'ipc'],
    });
    closeSync(log);
    this.exited = once(this.#child, 'exit').then(([code, signal]) => {
      this.exit = { code: code as number | null, signal: signal as NodeJS.Signals | null };
      return this.exit;
    });
  }

  get pid(): number {
    return this.#child.pid!;
  }

  /** Resolves when it is ready for work; rejects when it ends before, or never is. */
  async ready(): Promise<this> {
    await eventually(
      async () => {
        if (this.exit !== undefined) throw new Error(`${this.name} ended at its start:\n${this.log()}`);
        const answer = await sendRequest({ port: this.opsPort, path: '/readyz' }).catch(() => undefined);
        return answer?.status === 200;
      },
      { timeoutMs: startTimeoutMs, everyMs: 50, what: `${this.name} to be ready` },
    );
    return this;
  }

  log(): string {
    return readFileSync(this.logFile, 'utf8');
  }

  signal(signal: NodeJS.Signals): void {
    process.kill(this.pid, signal);
  }

  /** `kill -9`; resolves when it is gone. */
  async kill(): Promise<void> {
    this.isExpectedToEnd = true;
    if (this.exit === undefined) this.signal('SIGKILL');
    await this.exited;
  }

  /** Asks it to end, and gives how it did. */
  async stop(graceMs = 40_000): Promise<Exit> {
    this.isExpectedToEnd = true;
    if (this.exit !== undefined) return this.exit;
    this.signal('SIGTERM');
    const timer = setTimeout(() => {
      this.signal('SIGKILL');
    }, graceMs);
    const exit = await this.exited;
    clearTimeout(timer);
    return exit;
  }
}

function commandLine(main: string, privateMounts: readonly string[] | undefined): string[] {
  if (privateMounts === undefined) return [process.execPath, main];
  const script = [...privateMounts, 'exec "$0" "$1"'].join(' && ');
  return ['unshare', '--mount', 'sh', '-c', script, process.execPath, main];
}
