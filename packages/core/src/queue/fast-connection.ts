import type { Redis } from 'ioredis';
import { connectFailingFast, type ConnectOptions, disconnect, settledWithin } from './connection.ts';
import { queueUnreachable, toQueueError } from './queue-failure.ts';

/** An outage shorter than this is waited out, so that a restart of Redis costs a delay instead of errors. */
const toleratedOutageMs = 700;
const answerTimeoutMs = 1_200;

/** A Redis connection whose every operation ends in under 2 s: with an answer or with an OcrError. */
export class FastConnection {
  readonly client: Redis;
  #downSince: number | undefined = performance.now();
  /** Shared by all who wait for the connection, so that an outage under load does not pile up listeners. */
  #comingBack: Promise<unknown> | undefined;

  constructor(options: ConnectOptions) {
    this.client = connectFailingFast(options);
    this.client.on('ready', () => {
      this.#downSince = undefined;
      this.#comingBack = undefined;
    });
    this.client.on('close', () => {
      this.#downSince ??= performance.now();
    });
  }

  get connected(): boolean {
    return this.client.status === 'ready';
  }

  async run<T>(operation: (client: Redis) => Promise<T>): Promise<T> {
    await this.#ready();
    let timer: NodeJS.Timeout | undefined;
    // BullMQ waits inside itself for its connection, so the time limits of single commands are not enough.
    const timedOut = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        reject(queueUnreachable(new Error('Redis did not answer in time')));
      }, answerTimeoutMs);
    });
    try {
      return await Promise.race([operation(this.client), timedOut]);
    } catch (error) {
      throw toQueueError(error);
    } finally {
      clearTimeout(timer);
    }
  }

  close(): Promise<void> {
    return disconnect(this.client);
  }

  async #ready(): Promise<void> {
    if (this.connected) return;
    const leftMs = (this.#downSince ?? performance.now()) + toleratedOutageMs - performance.now();
    if (leftMs <= 0 || this.client.status === 'end') throw queueUnreachable();
    this.#comingBack ??= new Promise((resolve) => {
      this.client.once('ready', resolve);
    });
    await settledWithin(this.#comingBack, leftMs);
    if (!this.connected) throw queueUnreachable();
  }
}
