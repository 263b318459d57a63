import type { Redis } from 'ioredis';
import { inputKey, mailboxKey, outcomeChannel } from './keys.ts';
import { decodeOutcome, encodeOutcome, type Outcome } from './outcome.ts';

/**
 * Where an ephemeral job's outcome waits for who asked, and nowhere else: a Redis key with a TTL. The outcome is also
 * published on the job's own channel, so that a waiter need not fetch it.
 */
export async function postOutcome(
  client: Redis,
  post: { readonly id: string; readonly outcome: Outcome; readonly ttlMs: number },
): Promise<void> {
  const text = encodeOutcome(post.outcome);
  // Not a transaction: when Redis refuses to store for lack of memory, the message still reaches who waits.
  const replies = await client
    .pipeline()
    .set(mailboxKey(post.id), text, 'PX', post.ttlMs)
    .publish(outcomeChannel(post.id), text)
    .exec();
  const [stored, published] = replies ?? [];
  if (stored === undefined) throw new Error('Redis did not answer');
  const listeners = published?.[1];
  if (stored[0] !== null && !(typeof listeners === 'number' && listeners > 0)) throw stored[0];
}

/** Posts unless there is an outcome already: who came first is right. */
export async function postOutcomeIfNone(
  client: Redis,
  post: { readonly id: string; readonly outcome: Outcome; readonly ttlMs: number },
): Promise<void> {
  const text = encodeOutcome(post.outcome);
  const stored = await client.set(mailboxKey(post.id), text, 'PX', post.ttlMs, 'NX');
  if (stored !== null) await client.publish(outcomeChannel(post.id), text);
}

export async function readOutcome(client: Redis, id: string): Promise<Outcome | undefined> {
  const text = await client.get(mailboxKey(id));
  return text === null ? undefined : decodeOutcome(text);
}

export async function emptyMailbox(client: Redis, id: string): Promise<void> {
  await client.del(mailboxKey(id), inputKey(id));
}
