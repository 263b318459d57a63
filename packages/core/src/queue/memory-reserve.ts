import type { Redis } from 'ioredis';
import type { JobPayload } from './payload.ts';
import { queueOutOfMemory } from './queue-failure.ts';
import { numberOfInfo } from './redis-info.ts';

/**
 * What producers leave free of Redis' `maxmemory`. A Redis that is full to the brim refuses to hand out jobs, too, since
 * that writes, and would never become empty again: so those who add jobs leave something to those who take them, for
 * locks, outcomes, BullMQ's events and connections. Never more than half, where `maxmemory` is small.
 */
const reservedShare = 0.1;
const minReservedBytes = 4 * 2 ** 20;
const maxReservedShare = 0.5;
/** How much of the reserve must stay: a backlog of durable jobs, which can wait, must not lock out callers who wait. */
const untouchedShares: Readonly<Record<JobPayload['kind'], number>> = { durable: 1, ephemeral: 0.5 };
const lookEveryMs = 100;

interface Claimed {
  readonly kind: JobPayload['kind'];
  readonly bytes: number;
}

/** How much producers may still put into Redis; without a `maxmemory` there is no limit. */
export class MemoryReserve {
  #freeBytes = Number.POSITIVE_INFINITY;
  #reservedBytes = 0;
  #lookedAt = Number.NEGATIVE_INFINITY;

  /**
   * Throws OcrError `queue_unavailable` unless there is room. While there was room lately, the look at how things stand
   * now is not waited for: requests of callers who wait pass here.
   */
  async claim(client: Redis, claimed: Claimed): Promise<void> {
    const stale = performance.now() - this.#lookedAt >= lookEveryMs;
    const look = stale ? this.look(client) : undefined;
    if (!this.#fits(claimed)) await look;
    if (!this.#fits(claimed)) throw queueOutOfMemory();
    this.#freeBytes -= claimed.bytes;
  }

  /** Never rejects: a server that does not tell has no limit that we know. */
  async look(client: Redis): Promise<void> {
    this.#lookedAt = performance.now();
    const info = await client.info('memory').catch(() => '');
    const maxBytes = numberOfInfo(info, 'maxmemory');
    const shareBytes = Math.max(maxBytes * reservedShare, minReservedBytes);
    this.#reservedBytes = Math.min(shareBytes, maxBytes * maxReservedShare);
    this.#freeBytes = maxBytes === 0 ? Number.POSITIVE_INFINITY : maxBytes - numberOfInfo(info, 'used_memory');
  }

  #fits({ kind, bytes }: Claimed): boolean {
    return this.#freeBytes - bytes >= this.#reservedBytes * untouchedShares[kind];
  }
}
