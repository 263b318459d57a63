import { Histogram, type Registry } from './metrics.ts';
import type { BlobStore } from './blobs/blob-store.ts';
import { forwardCalls, callMethod } from './store/forwarded-calls.ts';
import type { JobStore } from './store/job-store.ts';
import { type StoreMethod, storeMethods } from './store/store-methods.ts';

export type StoreCallSeconds = Histogram<'operation'>;

/** From a write on this machine to one that hung until its connection was given up. */
const callBuckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

export function createStoreCallSeconds(registry: Registry): StoreCallSeconds {
  return new Histogram({
    name: 'glyphmill_store_call_seconds',
    help: 'Time of calls of the store that worked; a worker leaves out the waits before them. blob (reading an upload) and blob_put (storing one, from its last byte on) are calls of the place of uploads',
    labelNames: ['operation'],
    buckets: callBuckets,
    registers: [registry],
  });
}

/** The same store, each call of which that works is measured under its method's name. */
export function measureStore(store: JobStore, calls: StoreCallSeconds): JobStore {
  const measured = forwardCalls<JobStore, StoreMethod>(storeMethods, async (method, args) => {
    const startedAt = performance.now();
    const answer = await callMethod<JobStore, StoreMethod>(store, method, args);
    calls.observe({ operation: method }, (performance.now() - startedAt) / 1000);
    return answer;
  });
  return { ...measured, ready: store.ready, close: () => store.close() };
}

/** The same place of uploads; the storing of those that it took is measured, without the time in which they came. */
export function measureUploads(blobs: BlobStore, calls: StoreCallSeconds): BlobStore {
  return {
    async put(content, options) {
      let since = performance.now();
      content.once('end', () => {
        since = performance.now();
      });
      const stored = await blobs.put(content, options);
      calls.observe({ operation: 'blob_put' }, (performance.now() - since) / 1000);
      return stored;
    },
    size: (sha256) => blobs.size(sha256),
    touch: (sha256) => blobs.touch(sha256),
    read: (sha256) => blobs.read(sha256),
    sweep: (options) => blobs.sweep(options),
    check: () => blobs.check(),
  };
}
