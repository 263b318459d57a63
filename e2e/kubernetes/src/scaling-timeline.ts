import { setTimeout as delay } from 'node:timers/promises';

/** What is seen at one moment. */
export interface Moment {
  /** Since the beginning. */
  readonly seconds: number;
  /** Accepted and not ended. */
  readonly unfinished: number;
  /** What the autoscaler is told; undefined while it is told nothing. */
  readonly load: number | undefined;
  readonly finished: number;
  /** As the autoscaler wants it. */
  readonly desired: number;
  readonly ready: number;
  /** Pods that have been asked to end and are still at it. */
  readonly ending: number;
}

export type Observation = Omit<Moment, 'seconds'>;

/** Looks once a second, until it is stopped. */
export class TimelineRecorder {
  readonly moments: Moment[] = [];
  readonly #startedAt = performance.now();
  readonly #observe: () => Promise<Observation>;
  readonly #stopping = new AbortController();
  readonly #recording: Promise<void>;

  constructor(observe: () => Promise<Observation>) {
    this.#observe = observe;
    this.#recording = this.#record();
  }

  get seconds(): number {
    return (performance.now() - this.#startedAt) / 1000;
  }

  async #record(): Promise<void> {
    while (!this.#stopping.signal.aborted) {
      const seconds = Math.round(this.seconds * 10) / 10;
      this.moments.push({ seconds, ...(await this.#observe()) });
      const restMs = 1000 - ((performance.now() - this.#startedAt) % 1000);
      await delay(restMs, undefined, { signal: this.#stopping.signal }).catch(() => undefined);
    }
  }

  /** Rejects with what an observation has failed of. */
  async stop(): Promise<readonly Moment[]> {
    this.#stopping.abort();
    await this.#recording;
    return this.moments;
  }
}

export function toCsv(moments: readonly Moment[]): string {
  const rows = moments.map(({ seconds, unfinished, load, finished, desired, ready, ending }) =>
    [seconds, unfinished, load ?? '', finished, desired, ready, ending].join(','),
  );
  return `${['seconds,unfinished,load,finished,desired,ready,ending', ...rows].join('\n')}\n`;
}
