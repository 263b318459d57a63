import { setTimeout as delay } from 'node:timers/promises';
import type { Exit, LoggedProcess } from './logged-process.ts';
import type { ContainerState } from './pod-status.ts';
import type { Container, Probe } from './pod-types.ts';
import { keepProbing, type ProbedContainer, statusOf } from './probe.ts';

export interface ContainerRunOptions {
  readonly spec: Container;
  /** Of this machine. */
  readonly address: string;
  /** Resolves its environment and starts it; rejects with what keeps it from being started. */
  readonly start: () => Promise<LoggedProcess>;
  /** Runs something beside it, and gives the exit code. */
  readonly execute: ProbedContainer['execute'];
  readonly onChange: () => void;
}

/** A real kubelet waits longer after each failure; here nobody has to be spared. */
const restartDelayMs = 1_000;
const lastWordsMs = 1_000;

/** One container of a pod: a process, started again when it may be, and what its probes say of it. */
export class ContainerRun {
  state: ContainerState;
  process: LoggedProcess | undefined;
  readonly #options: ContainerRunOptions;
  #isEnding = false;

  constructor(options: ContainerRunOptions) {
    this.#options = options;
    this.state = { spec: options.spec, restarts: 0, isStarted: false, isReady: false };
  }

  /** Runs it until it may rest: `shouldRestart` is asked after each end. */
  async keepRunning(shouldRestart: (exit: Exit) => boolean): Promise<void> {
    while (!this.#isEnding) {
      const exit = await this.#runOnce();
      if (this.#isEnding || !shouldRestart(exit)) return;
      await delay(restartDelayMs);
      if (this.#isEnding) return;
      const { spec, restarts } = this.state;
      this.state = { spec, restarts: restarts + 1, isStarted: false, isReady: false };
    }
  }

  async #runOnce(): Promise<Exit> {
    const process = await this.#start();
    if (process === undefined) return { code: 0, signal: null };
    this.process = process;
    this.#update({ startedAt: new Date().toISOString() });
    const probing = new AbortController();
    const watched = this.#watch(process, probing.signal);
    const exit = await process.exited.catch((error: unknown) => {
      throw new Error(`${this.state.spec.name} could not be started`, { cause: error });
    });
    probing.abort();
    this.#update({ exit, finishedAt: new Date().toISOString(), isReady: false });
    await watched;
    return exit;
  }

  /** Tries until it succeeds, as long as nobody wants the pod to end. */
  async #start(): Promise<LoggedProcess | undefined> {
    while (!this.#isEnding) {
      try {
        return await this.#options.start();
      } catch (error) {
        this.#update({ waitingFor: 'CreateContainerConfigError' });
        console.warn(`${this.state.spec.name}: ${error instanceof Error ? error.message : String(error)}`);
        await delay(restartDelayMs);
      }
    }
    return undefined;
  }

  async #watch(process: LoggedProcess, signal: AbortSignal): Promise<void> {
    const { startupProbe, livenessProbe, readinessProbe } = this.#options.spec;
    const killOnFailure = (succeeds: boolean): void => {
      if (!succeeds) void this.#restart(process);
    };
    if (startupProbe !== undefined) {
      const started = new AbortController();
      await this.#probe(startupProbe, AbortSignal.any([signal, started.signal]), (succeeds) => {
        if (succeeds) started.abort();
        else killOnFailure(succeeds);
      });
    }
    if (signal.aborted) return;
    this.#update({ isStarted: true, isReady: readinessProbe === undefined });
    await Promise.all([
      livenessProbe && this.#probe(livenessProbe, signal, killOnFailure),
      readinessProbe && this.#probe(readinessProbe, signal, (isReady) => this.#update({ isReady })),
    ]);
  }

  #probe(probe: Probe, signal: AbortSignal, onVerdict: (succeeds: boolean) => void): Promise<void> {
    const { spec, address, execute } = this.#options;
    return keepProbing(probe, { container: spec, address, execute }, { signal, onVerdict });
  }

  async #restart(process: LoggedProcess): Promise<void> {
    if (!this.#isEnding) await process.stop(30_000);
  }

  /** The end of a pod: preStop, SIGTERM, and SIGKILL when all of the grace is used up. */
  async end(graceMs: number): Promise<void> {
    const until = Date.now() + graceMs;
    this.#isEnding = true;
    if (this.process === undefined || this.process.exit !== undefined) return;
    await Promise.race([this.#runPreStop(graceMs), delay(graceMs), this.process.exited]).catch(() => undefined);
    await this.process.stop(Math.max(until - Date.now(), lastWordsMs));
  }

  async #runPreStop(graceMs: number): Promise<void> {
    const { spec, address, execute } = this.#options;
    const { exec, httpGet, sleep } = spec.lifecycle?.preStop ?? {};
    if (exec) await execute(exec.command, graceMs);
    if (httpGet) await statusOf(httpGet, { container: spec, address, execute }, graceMs);
    if (sleep) await delay(sleep.seconds * 1000);
  }

  #update(change: Partial<ContainerState>): void {
    this.state = { ...this.state, ...change };
    this.#options.onChange();
  }
}
