import type { BlobStore } from '@glyphmill/core/blobs';
import { checkPart } from '@glyphmill/core/check-part';
import type { DeepReadiness } from '@glyphmill/core/ops-server';
import type { JobQueue } from '@glyphmill/core/queue';
import type { JobStore } from '@glyphmill/core/store';

export interface CheckedParts {
  readonly queue: Pick<JobQueue, 'ping' | 'workers'>;
  readonly store: Pick<JobStore, 'check'>;
  readonly blobs: Pick<BlobStore, 'check'>;
}

/** What the service needs to do its work: Redis, somebody at its other end, and where durable jobs are kept. */
export async function deepChecks({ queue, store, blobs }: CheckedParts): Promise<DeepReadiness> {
  const [redis, workers, storeCheck, blobsCheck] = await Promise.all([
    checkPart(queue.ping()),
    checkWorkers(queue),
    checkPart(store.check()),
    checkPart(blobs.check()),
  ]);
  return { redis, workers, store: storeCheck, blobs: blobsCheck };
}

async function checkWorkers(queue: Pick<JobQueue, 'workers'>): Promise<DeepReadiness[string]> {
  try {
    const reports = await queue.workers();
    const engines = reports.reduce((sum, report) => sum + report.engines, 0);
    return { ok: engines > 0, detail: `${reports.length} workers, ${engines} engines` };
  } catch {
    return { ok: false, detail: 'not known' };
  }
}
