import { OcrError } from '../errors.ts';
import type { Logger } from '../logging.ts';
import { keepSubscribed } from './connection.ts';
import { FastConnection } from './fast-connection.ts';
import type { JobQueue } from './job-queue.ts';
import { idOfOutcomeChannel, outcomeChannel } from './keys.ts';
import { decodeOutcome, type Outcome } from './outcome.ts';
import { OutcomeWait } from './outcome-wait.ts';
import { queueLostJob, queueUnreachable, toQueueError } from './queue-failure.ts';

export interface JobAwaiterOptions {
  readonly redisUrl: string;
  readonly queue: JobQueue;
  readonly logger: Logger;
  readonly pollIntervalMs?: number;
}

export interface AwaitedJob {
  /**
   * Call it after the job was added. Rejects with OcrError `deadline_exceeded`, `queue_unavailable` (Redis is away for
   * longer than a grace, or lost the job) or `internal`, and with an AbortError when `signal` fires.
   */
  outcome(deadlineAt: number, signal?: AbortSignal): Promise<Outcome>;
  release(): void;
}

export interface JobAwaiter {
  /** Outcomes that came by poll because their message was lost. */
  readonly recoveries: number;
  /** Call it before the job is added, or its message may be missed; always release what it gives. */
  expect(id: string): Promise<AwaitedJob>;
  close(): Promise<void>;
}

export function createJobAwaiter(options: JobAwaiterOptions): JobAwaiter {
  return new RedisJobAwaiter(options);
}

const defaultPollIntervalMs = 1_500;
/** Who waits is told of an outage that lasts longer. */
const outageGraceMs = 2_000;

interface Subscription {
  readonly waits: Set<OutcomeWait>;
  readonly subscribed: Promise<unknown>;
}

/**
 * Hears of outcomes on one channel a job. Messages can be lost (a reconnect, a full buffer), so every pending wait is
 * also looked up now and then, and at once when the connection is back.
 */
class RedisJobAwaiter implements JobAwaiter {
  recoveries = 0;
  readonly #queue: JobQueue;
  readonly #redis: FastConnection;
  readonly #subscriptions = new Map<string, Subscription>();
  readonly #poller: NodeJS.Timeout;
  #polling = false;
  #outage: NodeJS.Timeout | undefined;
  #closed = false;

  constructor({ redisUrl, queue, logger, pollIntervalMs }: JobAwaiterOptions) {
    this.#queue = queue;
    this.#redis = new FastConnection({ redisUrl, logger, role: 'awaiter' });
    this.#redis.client.on('message', (channel: string, text: string) => {
      this.#hear(channel, text);
    });
    this.#redis.client.on('close', () => {
      this.#suspectOutage();
    });
    this.#redis.client.on('ready', () => {
      this.#endOutage();
    });
    // What was published meanwhile is looked up once nothing more can be missed.
    keepSubscribed(
      this.#redis.client,
      () => [...this.#subscriptions.keys()].map(outcomeChannel),
      () => void this.#poll(),
    );
    this.#poller = setInterval(() => void this.#poll(), pollIntervalMs ?? defaultPollIntervalMs);
    this.#poller.unref();
  }

  async expect(id: string): Promise<AwaitedJob> {
    const wait = new OutcomeWait();
    let subscription = this.#subscriptions.get(id);
    if (subscription === undefined) {
      const subscribed = this.#redis.run((client) => client.subscribe(outcomeChannel(id)));
      subscription = { waits: new Set(), subscribed };
      this.#subscriptions.set(id, subscription);
    }
    const { waits, subscribed } = subscription;
    waits.add(wait);
    try {
      await subscribed;
    } catch (error) {
      this.#release(id, waits, wait);
      throw toQueueError(error);
    }
    return {
      outcome: (deadlineAt, signal) => wait.outcome(deadlineAt, signal),
      release: () => {
        this.#release(id, waits, wait);
      },
    };
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearInterval(this.#poller);
    this.#endOutage();
    this.#failPending(queueUnreachable());
    await this.#redis.close();
  }

  #release(id: string, waits: Set<OutcomeWait>, wait: OutcomeWait): void {
    waits.delete(wait);
    if (waits.size > 0 || this.#subscriptions.get(id)?.waits !== waits) return;
    this.#subscriptions.delete(id);
    // A channel that stays subscribed after an error costs little and ends with the connection.
    this.#redis.client.unsubscribe(outcomeChannel(id)).catch(() => undefined);
  }

  #hear(channel: string, text: string): void {
    const id = idOfOutcomeChannel(channel);
    try {
      this.#settle(id, decodeOutcome(text));
    } catch (error) {
      this.#fail(id, OcrError.from(error));
    }
  }

  #settle(id: string, outcome: Outcome): void {
    this.#subscriptions.get(id)?.waits.forEach((wait) => {
      wait.settle(outcome);
    });
  }

  #fail(id: string, error: OcrError): void {
    this.#subscriptions.get(id)?.waits.forEach((wait) => {
      if (wait.pending) wait.fail(error);
    });
  }

  #pendingIds(): string[] {
    return [...this.#subscriptions]
      .filter(([, { waits }]) => [...waits].some((wait) => wait.pending))
      .map(([id]) => id);
  }

  async #poll(): Promise<void> {
    if (this.#polling || this.#closed) return;
    this.#polling = true;
    try {
      await Promise.all(this.#pendingIds().map((id) => this.#look(id)));
    } finally {
      this.#polling = false;
    }
  }

  async #look(id: string): Promise<void> {
    try {
      const state = await this.#queue.state(id);
      if (state === 'queued' || state === 'active') return;
      const outcome = await this.#queue.outcome(id);
      if (!this.#pendingIds().includes(id)) return;
      if (outcome !== undefined) {
        this.recoveries += 1;
        this.#settle(id, outcome);
      } else if (state === 'failed') {
        // The queue gave the job up without any worker saying why.
        this.#fail(id, new OcrError('internal', 'Something went wrong on our side'));
      } else {
        this.#fail(id, queueLostJob());
      }
    } catch (thrown) {
      const error = toQueueError(thrown);
      if (error.code === 'queue_unavailable') this.#suspectOutage();
      else this.#fail(id, error);
    }
  }

  #suspectOutage(): void {
    if (this.#closed) return;
    this.#outage ??= setTimeout(() => {
      this.#outage = undefined;
      this.#failPending(queueUnreachable());
    }, outageGraceMs);
  }

  #endOutage(): void {
    clearTimeout(this.#outage);
    this.#outage = undefined;
  }

  #failPending(error: OcrError): void {
    for (const id of this.#pendingIds()) this.#fail(id, error);
  }
}
