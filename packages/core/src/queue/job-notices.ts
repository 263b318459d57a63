import type { Logger } from '../logging.ts';
import { type JobState, jobStates } from '../store/job-store.ts';
import { connectFailingFast, disconnect, keepSubscribed, settledWithin } from './connection.ts';
import { idOfNoticeChannel, noticeChannel } from './keys.ts';

export interface JobNoticesOptions {
  readonly redisUrl: string;
  readonly logger: Logger;
}

export interface NoticeListener {
  /** Once; afterwards `onState` is not called any more. */
  close(): void;
}

/**
 * Hears of changes of durable jobs, each on a channel of its own, over one connection for all listeners. A notice is a
 * hint and may be lost or come late: whoever listens also asks the store now and then, and once after `listen`.
 */
export interface JobNotices {
  /**
   * Many may listen to one job. Resolves once every later notice is heard; when Redis is away, at once or within a
   * second: the notices are heard from when it is back. Never rejects.
   */
  listen(id: string, onState: (state: JobState) => void): Promise<NoticeListener>;
  /** Ends all listeners. */
  close(): Promise<void>;
}

export function createJobNotices(options: JobNoticesOptions): JobNotices {
  return new RedisJobNotices(options);
}

/** A listener asks the store after so long even if Redis has not confirmed the subscription. */
const subscribeTimeoutMs = 1_000;

interface Subscription {
  readonly listeners: Set<(state: JobState) => void>;
  /** Of the first attempt; settled in any case. */
  readonly subscribed: Promise<void>;
}

class RedisJobNotices implements JobNotices {
  readonly #client;
  readonly #subscriptions = new Map<string, Subscription>();

  constructor({ redisUrl, logger }: JobNoticesOptions) {
    this.#client = connectFailingFast({ redisUrl, logger, role: 'notices' });
    this.#client.on('message', (channel: string, text: string) => {
      this.#hear(idOfNoticeChannel(channel), text);
    });
    keepSubscribed(this.#client, () => [...this.#subscriptions.keys()].map(noticeChannel));
  }

  async listen(id: string, onState: (state: JobState) => void): Promise<NoticeListener> {
    // Of its own, so that one function may listen twice.
    const listener = (state: JobState) => {
      onState(state);
    };
    let subscription = this.#subscriptions.get(id);
    if (subscription === undefined) {
      subscription = { listeners: new Set(), subscribed: this.#subscribe(id) };
      this.#subscriptions.set(id, subscription);
    }
    const { listeners } = subscription;
    listeners.add(listener);
    await settledWithin(subscription.subscribed, subscribeTimeoutMs);
    return {
      close: () => {
        listeners.delete(listener);
        if (listeners.size === 0 && this.#subscriptions.get(id)?.listeners === listeners) this.#unsubscribe(id);
      },
    };
  }

  async close(): Promise<void> {
    for (const { listeners } of this.#subscriptions.values()) listeners.clear();
    this.#subscriptions.clear();
    await disconnect(this.#client);
  }

  async #subscribe(id: string): Promise<void> {
    if (this.#client.status !== 'ready') return;
    await this.#client.subscribe(noticeChannel(id)).catch(() => undefined);
  }

  #unsubscribe(id: string): void {
    this.#subscriptions.delete(id);
    // A channel that stays subscribed after an error costs little and ends with the connection.
    this.#client.unsubscribe(noticeChannel(id)).catch(() => undefined);
  }

  #hear(id: string, text: string): void {
    const state = jobStates.find((known) => known === text);
    // Another version may know more states; whoever waits asks the store anyway.
    if (state === undefined) return;
    for (const listener of this.#subscriptions.get(id)?.listeners ?? []) listener(state);
  }
}
