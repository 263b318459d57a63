import { lanes, type Lane } from './payload.ts';

/** The braces make Redis Cluster keep all keys in one slot, which scripts over several keys need. */
export const prefix = '{glyphmill}';

/** BullMQ's name of the job: its ids hold no `:` and an id that it has seen is silently ignored. */
export function bullJobId(id: string, generation: number): string {
  return `${id}-${generation}`;
}

/** The public id in a BullMQ job id, for jobs whose payload cannot be read. */
export function publicJobId(bullId: string): string {
  return bullId.replace(/-\d+$/, '');
}

/** BullMQ's sorted set that idle workers block on: it holds a member while jobs may wait (see job-arrivals.ts). */
export function markerKey(lane: Lane): string {
  return `${prefix}:${lane}:marker`;
}

export function laneOfMarkerKey(key: string): Lane | undefined {
  return lanes.find((lane) => markerKey(lane) === key);
}

/** BullMQ's list of the jobs that workers hold. */
export function activeKey(lane: Lane): string {
  return `${prefix}:${lane}:active`;
}

/** BullMQ's list of jobs without priority, and of those that came back from a lost worker. */
export function waitKey(lane: Lane): string {
  return `${prefix}:${lane}:wait`;
}

/** BullMQ's sorted set of jobs with a priority. */
export function prioritizedKey(lane: Lane): string {
  return `${prefix}:${lane}:prioritized`;
}

/** BullMQ's sorted set of jobs that are not to run yet. */
export function delayedKey(lane: Lane): string {
  return `${prefix}:${lane}:delayed`;
}

/** What precedes a BullMQ id in the key of the hash that describes the job. */
export function jobKeyPrefix(lane: Lane): string {
  return `${prefix}:${lane}:`;
}

/** BullMQ's lock of a held job; its value is the token of the claim. */
export function lockKey(lane: Lane, bullId: string): string {
  return `${prefix}:${lane}:${bullId}:lock`;
}

/** Outcome of an ephemeral job, with a TTL. */
export function mailboxKey(id: string): string {
  return `${prefix}:mailbox:${id}`;
}

/** Image bytes of a `data` source, with a TTL. */
export function inputKey(id: string): string {
  return `${prefix}:input:${id}`;
}

/**
 * Set while an active job shall stop, with a TTL: a worker that missed the message still sees it. For one generation
 * only, since a job that was stopped may be sent anew.
 */
export function cancelKey(bullId: string): string {
  return `${prefix}:cancel:${bullId}`;
}

/** Set of the claims whose run of a job began and has not ended, with a TTL; see ClaimedJob. */
export function runsKey(bullId: string): string {
  return `${prefix}:runs-begun:${bullId}`;
}

/** Where the BullMQ ids of active jobs that shall stop are published; every worker listens. */
export const cancelChannel = `${prefix}:cancel`;

/** Where one job's outcome is published; only who waits for that job listens. */
export function outcomeChannel(id: string): string {
  return `${prefix}:outcome:${id}`;
}

export function idOfOutcomeChannel(channel: string): string {
  return channel.slice(outcomeChannel('').length);
}

/** Where a durable job's new state is published, never its text; only who waits for that job listens. */
export function noticeChannel(id: string): string {
  return `${prefix}:notice:${id}`;
}

export function idOfNoticeChannel(channel: string): string {
  return channel.slice(noticeChannel('').length);
}

/** Written once all jobs were sent; missing when Redis came back empty. */
export const epochKey = `${prefix}:epoch`;

/** Sorted set of worker ids by their last heartbeat. */
export const workersKey = `${prefix}:workers`;

/** One worker's last report, with a TTL. */
export function workerKey(id: string): string {
  return `${prefix}:worker:${id}`;
}
