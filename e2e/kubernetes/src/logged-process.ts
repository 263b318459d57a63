import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';

export interface LoggedProcessOptions {
  readonly command: readonly [string, ...string[]];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  /** What it says on both outputs is added to this file. */
  readonly logFile: string;
}

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A program that does not outlive this process, however this one ends. */
export class LoggedProcess {
  readonly logFile: string;
  readonly exited: Promise<Exit>;
  exit: Exit | undefined;
  readonly #child: ChildProcess;

  /** Rejects `exited` where there is no such program. */
  constructor({ command, env, cwd, logFile }: LoggedProcessOptions) {
    this.logFile = logFile;
    const log = openSync(logFile, 'a');
    // The kernel sends the signal, so that a test that is killed leaves nothing running either.
    this.#child = spawn('setpriv', ['--pdeathsig', 'KILL', ...command], {
      cwd,
      env,
      stdio: ['ignore', log, log],
    });
    closeSync(log);
    this.exited = once(this.#child, 'exit').then(([code, signal]) => {
      this.exit = { code: code as number | null, signal: signal as NodeJS.Signals | null };
      return this.exit;
    });
    this.exited.catch(() => undefined);
  }

  log(): string {
    return readFileSync(this.logFile, 'utf8');
  }

  signal(signal: NodeJS.Signals): void {
    if (this.exit === undefined) this.#child.kill(signal);
  }

  /** SIGTERM, and SIGKILL when that was not enough. */
  async stop(graceMs: number): Promise<Exit> {
    this.signal('SIGTERM');
    const timer = setTimeout(() => {
      this.signal('SIGKILL');
    }, graceMs);
    const exit = await this.exited;
    clearTimeout(timer);
    return exit;
  }
}
