import { OcrError } from '@glyphmill/core/errors';
import type { JobQueue } from '@glyphmill/core/queue';
import type { Lifecycle } from './lifecycle.ts';

export interface Readiness {
  readonly ready: boolean;
  readonly reasons: readonly string[];
}

export type DeepChecks = Readonly<Record<string, { readonly ok: boolean; readonly detail?: string }>>;

/** Started and not draining; see `Lifecycle` for why nothing else counts. */
export function readiness(lifecycle: Pick<Lifecycle, 'state'>): Readiness {
  const { state } = lifecycle;
  return { ready: state === 'ready', reasons: state === 'ready' ? [] : [state] };
}

/** What the service needs to do its work: Redis, and somebody at its other end. */
export async function deepChecks(queue: Pick<JobQueue, 'ping' | 'workers'>): Promise<DeepChecks> {
  const [redis, workers] = await Promise.all([checkRedis(queue), checkWorkers(queue)]);
  return { redis, workers };
}

async function checkRedis(queue: Pick<JobQueue, 'ping'>): Promise<DeepChecks[string]> {
  try {
    await queue.ping();
    return { ok: true };
  } catch (error) {
    return { ok: false, detail: OcrError.from(error).message };
  }
}

async function checkWorkers(queue: Pick<JobQueue, 'workers'>): Promise<DeepChecks[string]> {
  try {
    const reports = await queue.workers();
    const engines = reports.reduce((sum, report) => sum + report.engines, 0);
    return { ok: engines > 0, detail: `${reports.length} workers, ${engines} engines` };
  } catch {
    return { ok: false, detail: 'not known' };
  }
}
