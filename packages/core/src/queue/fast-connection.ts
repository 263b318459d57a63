import type { Redis } from 'ioredis';
import { connectFailingFast, type ConnectOptions, disconnect } from './connection.ts';
import { queueUnreachable, toQueueError } from './queue-failure.ts';

/** An outage shorter than this is waited out, so that a restart of Redis costs a delay instead of errors. */
const toleratedOutageMs = 700;
const answerTimeoutMs = 1_200;

/** A Redis connection whose every operation ends in under 2 s: with an answer or with an OcrError. */
export class FastConnection {
  readonly client: Redis;
  #downSince: number | undefined = Date.now();

  constructor(options: ConnectOptions) {
    this.client = connectFailingFast(options);
    this.client.on('ready', () => {
      this.#downSince = undefined;
    });
    this.client.on('close', () => {
      this.#downSince ??= Date.now();
    });
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
    if (this.client.status === 'ready') return;
    const leftMs = (this.#downSince ?? Date.now()) + toleratedOutageMs - Date.now();
    if (leftMs <= 0 || this.client.status === 'end') throw queueUnreachable();
    await new Promise<void>((resolve, reject) => {
      const onReady = () => {
        clearTimeout(timer);
        resolve();
      };
      const timer = setTimeout(() => {
        this.client.off('ready', onReady);
        reject(queueUnreachable());
      }, leftMs);
      this.client.once('ready', onReady);
    });
  }
}
