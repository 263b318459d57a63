import type { Redis } from 'ioredis';
import { z } from 'zod';
import { workerKey, workersKey } from './keys.ts';
import { type Lane, lanes } from './payload.ts';

export const heartbeatIntervalMs = 1_000;
/** Three beats may be lost before a worker counts as gone. */
const heartbeatTtlMs = 4_000;

const workerReportSchema = z.object({
  id: z.string(),
  /** From which it takes jobs; absent: all. */
  lanes: z.array(z.enum(lanes)).readonly().optional(),
  engines: z.number(),
  busy: z.number(),
  /** 0 while the worker has read no page yet. */
  meanPageMs: z.number(),
  /** Milliseconds since the epoch, by the worker's clock. */
  at: z.number(),
});
export type WorkerReport = z.infer<typeof workerReportSchema>;

export function takesFrom(report: Pick<WorkerReport, 'lanes'>, lane: Lane): boolean {
  return report.lanes?.includes(lane) ?? true;
}

/** Workers that end without a word are taken off the list by others, who give their jobs back first (dead-workers.ts). */
export async function writeWorkerReport(client: Redis, report: WorkerReport): Promise<void> {
  await client
    .pipeline()
    .set(workerKey(report.id), JSON.stringify(report), 'PX', heartbeatTtlMs)
    .zadd(workersKey, report.at, report.id)
    .exec();
}

export async function removeWorkerReport(client: Redis, id: string): Promise<void> {
  await client.pipeline().del(workerKey(id)).zrem(workersKey, id).exec();
}

/** Reports of the workers that are alive. */
export async function readWorkerReports(client: Redis): Promise<WorkerReport[]> {
  const texts = (await readHeartbeats(client)).map(({ text }) => text);
  return texts.filter((text) => typeof text === 'string').map((text) => workerReportSchema.parse(JSON.parse(text)));
}

/** Workers that have not said goodbye, but whose heartbeat has run out. */
export async function readMissingWorkers(client: Redis): Promise<Set<string>> {
  const heartbeats = await readHeartbeats(client);
  return new Set(heartbeats.filter(({ text }) => text === null).map(({ id }) => id));
}

async function readHeartbeats(client: Redis): Promise<{ id: string; text: string | null }[]> {
  const ids = await client.zrange(workersKey, 0, '-1');
  if (ids.length === 0) return [];
  const texts = await client.mget(ids.map(workerKey));
  return ids.map((id, index) => ({ id, text: texts[index] ?? null }));
}
