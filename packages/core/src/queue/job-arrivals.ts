import type { Redis } from 'ioredis';
import { laneOfMarkerKey, markerKey } from './keys.ts';
import { type Lane, lanes } from './payload.ts';

/** Bounds how late a job is seen when its marker was lost, and how long stopping takes. */
const blockSeconds = 1;

/**
 * Sleeps until a lane may have jobs, without polling: BullMQ keeps a marker in a sorted set of each queue. It is added
 * with every job and again when a job is taken, and popping it wakes one sleeper. A popped marker obliges us to look
 * into that lane (taking a job adds the marker again for the next sleeper); when we cannot, it must be put back.
 */
export class JobArrivals {
  /** Blocked most of the time, so nothing else may use it. */
  readonly #blocking: Redis;
  readonly #client: Redis;
  readonly #popped = new Set<Lane>();

  constructor(connections: { readonly blocking: Redis; readonly client: Redis }) {
    this.#blocking = connections.blocking;
    this.#client = connections.client;
  }

  async wait(): Promise<void> {
    const popped = await this.#blocking.bzpopmin(...lanes.map(markerKey), blockSeconds);
    const lane = popped === null ? undefined : laneOfMarkerKey(popped[0]);
    if (lane !== undefined) this.#popped.add(lane);
  }

  lookedInto(lane: Lane): void {
    this.#popped.delete(lane);
  }

  async putBack(): Promise<void> {
    const popped = [...this.#popped];
    this.#popped.clear();
    await Promise.all(popped.map((lane) => this.#client.zadd(markerKey(lane), 0, '0')));
  }
}
