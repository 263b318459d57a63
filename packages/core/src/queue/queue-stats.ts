import type { Redis } from 'ioredis';
import { activeKey, delayedKey, jobKeyPrefix, prioritizedKey, waitKey } from './keys.ts';
import { type Lane, lanes } from './payload.ts';
import { numberOfInfo } from './redis-info.ts';

/**
 * Where a job is in its lane: due and without priority, due in its place by priority, held by a worker, or not due yet.
 */
export const laneStates = ['waiting', 'prioritized', 'active', 'delayed'] as const;
export type LaneState = (typeof laneStates)[number];

export interface LaneStats {
  readonly jobs: Readonly<Record<LaneState, number>>;
  /** Since when the job that waits longest has been due, in milliseconds since the epoch; undefined when none waits. */
  readonly oldestDueAt: number | undefined;
}

export interface QueueStats {
  readonly lanes: Readonly<Record<Lane, LaneStats>>;
  /** `maxBytes` is 0 where Redis has no limit. */
  readonly memory: { readonly usedBytes: number; readonly maxBytes: number };
}

/**
 * Each priority is a queue of its own, so the job that waits longest is the next one of some priority: hop from one
 * priority to the next (there are a thousand at most) instead of looking at every job. What came back from a worker is in
 * the list of jobs without priority, next in turn. BullMQ's score of a job is its priority times 2^32 plus a counter; a
 * job is due as long after its making as it was to be delayed.
 *
 * KEYS: wait, prioritized, active, delayed; ARGV: what precedes an id in a job's key; returns the four lengths, and since
 * when the oldest job has been due (ms since the epoch) or -1.
 */
const laneScript = `
local oldest = -1
local function look(id)
  if not id then return end
  local job = redis.call('HMGET', ARGV[1] .. id, 'timestamp', 'opts')
  local dueAt = tonumber(job[1] or '')
  if not dueAt then return end
  local ok, opts = pcall(cjson.decode, job[2] or '{}')
  if ok and type(opts) == 'table' then dueAt = dueAt + (tonumber(opts['delay']) or 0) end
  if oldest == -1 or dueAt < oldest then oldest = dueAt end
end
look(redis.call('LINDEX', KEYS[1], -1))
local from = '-inf'
for _ = 1, 1100 do
  local next = redis.call('ZRANGEBYSCORE', KEYS[2], from, '+inf', 'WITHSCORES', 'LIMIT', 0, 1)
  if not next[1] then break end
  look(next[1])
  from = string.format('%.0f', (math.floor(tonumber(next[2]) / 4294967296) + 1) * 4294967296)
end
return {
  redis.call('LLEN', KEYS[1]), redis.call('ZCARD', KEYS[2]), redis.call('LLEN', KEYS[3]), redis.call('ZCARD', KEYS[4]),
  oldest,
}
`;

/** All in one round trip. */
export async function readQueueStats(client: Redis): Promise<QueueStats> {
  const pipeline = client.pipeline();
  for (const lane of lanes) {
    const keys = [waitKey(lane), prioritizedKey(lane), activeKey(lane), delayedKey(lane)];
    pipeline.eval(laneScript, keys.length, ...keys, jobKeyPrefix(lane));
  }
  const replies = (await pipeline.info('memory').exec()) ?? [];
  const answered = replies.map(([error, reply]) => {
    if (error !== null) throw error;
    return reply;
  });
  const [interactive, bulk, info] = answered;
  const text = typeof info === 'string' ? info : '';
  return {
    lanes: { interactive: toLaneStats(interactive), bulk: toLaneStats(bulk) },
    memory: { usedBytes: numberOfInfo(text, 'used_memory'), maxBytes: numberOfInfo(text, 'maxmemory') },
  };
}

function toLaneStats(reply: unknown): LaneStats {
  if (!Array.isArray(reply) || reply.length !== 5) throw new Error('Redis did not tell of a lane');
  const [waiting, prioritized, active, delayed, oldestDueAt] = reply as [number, number, number, number, number];
  return { jobs: { waiting, prioritized, active, delayed }, oldestDueAt: oldestDueAt === -1 ? undefined : oldestDueAt };
}
