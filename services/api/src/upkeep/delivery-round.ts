import { setTimeout as delay } from 'node:timers/promises';
import type { OutboxEvent } from '@glyphmill/core/store';

export interface DeliveryRoundOptions {
  /** Takes up to so many events that are due; nobody else gets them for a while. */
  readonly take: (limit: number) => Promise<readonly OutboxEvent[]>;
  /** Makes events due that were taken and that nobody tried to deliver. */
  readonly giveBack: (events: readonly OutboxEvent[]) => Promise<void>;
  /**
   * Resolves with `not sent` when the signal fired before anything was. Rejects when the store could not be told how it
   * ended: the event comes back by itself.
   */
  readonly deliver: (event: OutboxEvent) => Promise<'not sent' | undefined>;
  readonly receiverOf: (event: OutboxEvent) => string;
  readonly signal: AbortSignal;
}

const maxRunning = 32;
/** A receiver gets only so many at once, so that one alone never occupies all. */
const maxPerReceiver = 4;
/** Taken together, when fewer than this many wait or run. */
const eventsAtOnce = 32;
const takeBelow = 16;
/** From then on a receiver is slow, and what waits for it would hold up the others. */
const slowMs = 2_000;
const lookEveryMs = 500;

/**
 * Delivers everything that is due, many at once. Events that wait for a slow receiver are let go: they are due again when
 * the time for which they were taken has run out, without counting as tried. What still waits when the round is ended is
 * given back, so that the next leader need not wait for that time; what was being sent may have arrived, and does wait.
 */
export class DeliveryRound {
  readonly #options: DeliveryRoundOptions;
  /** When the deliveries under way to each receiver began. */
  readonly #startedAt = new Map<string, number[]>();
  readonly #running = new Set<Promise<void>>();
  #waiting: OutboxEvent[] = [];
  /** Before that nothing more was due; each question is a write. */
  #takeNext = Number.NEGATIVE_INFINITY;
  #fault: { readonly reason: unknown } | undefined;

  constructor(options: DeliveryRoundOptions) {
    this.#options = options;
  }

  /** Ends when nothing is due and nothing runs, or soon after the signal fires. Rejects with a fault of the store. */
  async run(): Promise<void> {
    const { take, signal } = this.#options;
    try {
      while (!signal.aborted && this.#fault === undefined) {
        if (this.#running.size + this.#waiting.length < takeBelow && performance.now() >= this.#takeNext) {
          const events = await take(eventsAtOnce);
          if (events.length < eventsAtOnce) this.#takeNext = performance.now() + lookEveryMs;
          this.#waiting.push(...events);
        }
        if (!signal.aborted) this.#startWaiting();
        if (this.#running.size > 0) await this.#somethingHappens();
        else if (performance.now() < this.#takeNext) return;
      }
    } finally {
      const waiting = this.#waiting.splice(0);
      await Promise.all([this.#giveBack(waiting), ...this.#running]);
    }
    if (this.#fault !== undefined && !signal.aborted) throw this.#fault.reason;
  }

  #startWaiting(): void {
    const { receiverOf } = this.#options;
    const left: OutboxEvent[] = [];
    for (const event of this.#waiting) {
      const receiver = receiverOf(event);
      const started = this.#startedAt.get(receiver) ?? [];
      if (started.length < maxPerReceiver && this.#running.size < maxRunning) this.#start(event, receiver);
      else if (!isSlow(started)) left.push(event);
    }
    this.#waiting = left;
  }

  #start(event: OutboxEvent, receiver: string): void {
    const { deliver, signal } = this.#options;
    const startedAt = performance.now();
    this.#startedAt.set(receiver, [...(this.#startedAt.get(receiver) ?? []), startedAt]);
    const running = deliver(event)
      .then((outcome) => (outcome === 'not sent' ? this.#giveBack([event]) : undefined))
      .catch((error: unknown) => {
        if (!signal.aborted) this.#fault ??= { reason: error };
      })
      .then(() => {
        const others = this.#startedAt.get(receiver) ?? [];
        others.splice(others.indexOf(startedAt), 1);
        if (others.length === 0) this.#startedAt.delete(receiver);
        this.#running.delete(running);
      });
    this.#running.add(running);
  }

  /** A store that cannot be told changes little: the events come back by themselves. */
  async #giveBack(events: readonly OutboxEvent[]): Promise<void> {
    if (events.length > 0) await this.#options.giveBack(events).catch(() => undefined);
  }

  async #somethingHappens(): Promise<void> {
    const over = new AbortController();
    const signal = AbortSignal.any([over.signal, this.#options.signal]);
    await Promise.race([...this.#running, delay(lookEveryMs, undefined, { signal }).catch(() => undefined)]);
    over.abort();
  }
}

function isSlow(startedAt: readonly number[]): boolean {
  return startedAt.some((at) => performance.now() - at >= slowMs);
}
