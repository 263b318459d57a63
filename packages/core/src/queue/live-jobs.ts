import type { Redis } from 'ioredis';
import { activeKey, delayedKey, prioritizedKey, waitKey } from './keys.ts';
import type { Lane } from './payload.ts';

/**
 * Asks the places themselves, all at one moment: a job that moves is always in one of them. A script and no transaction,
 * since Redis refuses those when it has no memory left. The two lists are short: the jobs that workers hold, and those
 * without priority, who are admitted only while their wait is short.
 *
 * KEYS: prioritized, delayed, wait, active; ARGV: up to 1,000 BullMQ ids; returns 1 or 0 for each.
 */
const findLiveScript = `
local listed = {}
for _, list in ipairs({ KEYS[3], KEYS[4] }) do
  for _, id in ipairs(redis.call('LRANGE', list, 0, -1)) do listed[id] = true end
end
local prioritized = redis.call('ZMSCORE', KEYS[1], unpack(ARGV))
local delayed = redis.call('ZMSCORE', KEYS[2], unpack(ARGV))
local found = {}
for index, id in ipairs(ARGV) do
  found[index] = (prioritized[index] or delayed[index] or listed[id]) and 1 or 0
end
return found
`;

/** Which of the jobs BullMQ has in a place from which they will still run or are running, in the order given. */
export async function findLive(client: Redis, lane: Lane, bullIds: readonly string[]): Promise<boolean[]> {
  if (bullIds.length === 0) return [];
  const keys = [prioritizedKey(lane), delayedKey(lane), waitKey(lane), activeKey(lane)];
  const found = await client.eval(findLiveScript, keys.length, ...keys, ...bullIds);
  if (!Array.isArray(found) || found.length !== bullIds.length) throw new Error('Redis did not answer for each job');
  return found.map((one) => one === 1);
}
