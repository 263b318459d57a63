import type { Redis } from 'ioredis';
import { DueTime } from '../due-time.ts';
import { pause } from './connection.ts';
import { delayedKey, laneOfMarkerKey, markerKey } from './keys.ts';
import type { Lane } from './payload.ts';

/** Bounds how late a job is seen when its marker was lost, when a lane opens, and how long stopping takes. */
const blockMs = 1_000;
/** Redis takes a block of 0 for one without end, and older ones do not keep shorter ones. */
const minBlockMs = 10;
/** A busy consumer sleeps many times a second, and need not ask each time when the next delayed job is due. */
const dueKnownForMs = 200;
/** How often it is looked whether a lane opens when none is. */
const closedMs = 250;
/** In BullMQ's set of delayed jobs the time stands in the upper bits of the score. */
const delayedScoreUnit = 0x1000;

/**
 * Sleeps until a lane may have jobs, without polling: BullMQ keeps a marker in a sorted set of each queue. It is added
 * with every job and again when a job is taken, and popping it wakes one sleeper. A popped marker obliges us to look
 * into that lane (taking a job adds the marker again for the next sleeper); when we cannot, it must be put back.
 *
 * A delayed job becomes a waiting one when somebody looks into its lane after its time: there is no one else to do it.
 * Its marker would wake only one, who may be busy by then, so every sleeper asks when the next one is due.
 */
export class JobArrivals {
  /** Blocked most of the time, so nothing else may use it. */
  readonly #blocking: Redis;
  readonly #client: Redis;
  readonly #popped = new Set<Lane>();
  /** When the next delayed job is to run; milliseconds since the epoch. */
  #dueAt = 0;
  readonly #askAgain = new DueTime();

  constructor(connections: { readonly blocking: Redis; readonly client: Redis }) {
    this.#blocking = connections.blocking;
    this.#client = connections.client;
  }

  /** Only `lanes` wake it. */
  async wait(lanes: readonly Lane[]): Promise<void> {
    if (lanes.length === 0) {
      await pause(closedMs);
      return;
    }
    if (this.#dueAt <= Date.now() || this.#askAgain.isDue) await this.#askWhenDue(lanes);
    const timeoutMs = Math.min(this.#dueAt - Date.now(), blockMs);
    if (timeoutMs < minBlockMs) {
      await pause(timeoutMs);
      return;
    }
    const popped = await this.#blocking.bzpopmin(...lanes.map(markerKey), timeoutMs / 1000);
    if (popped === null) return;
    const [key, , time] = popped;
    // The marker of jobs that wait has the time 0, that of a delayed job its own.
    if (Number(time) > 0) this.#dueAt = Math.min(this.#dueAt, Number(time));
    const lane = laneOfMarkerKey(key);
    if (lane !== undefined) this.#popped.add(lane);
  }

  lookedInto(lane: Lane): void {
    this.#popped.delete(lane);
  }

  /** For others to look where we did not. */
  async putBack(): Promise<void> {
    const popped = [...this.#popped];
    this.#popped.clear();
    await Promise.all(popped.map((lane) => this.#client.zadd(markerKey(lane), 0, '0')));
  }

  async #askWhenDue(lanes: readonly Lane[]): Promise<void> {
    this.#askAgain.setIn(dueKnownForMs);
    const firsts = await Promise.all(lanes.map((lane) => this.#client.zrange(delayedKey(lane), 0, '0', 'WITHSCORES')));
    const scores = firsts.map(([, score]) => (score === undefined ? Number.POSITIVE_INFINITY : Number(score)));
    this.#dueAt = Math.min(...scores) / delayedScoreUnit;
  }
}
