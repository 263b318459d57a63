import { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, it } from 'vitest';
import type { BlobStore } from './blobs/blob-store.ts';
import { OcrError } from './errors.ts';
import { Registry } from './metrics.ts';
import type { JobStore } from './store/job-store.ts';
import { createStoreCallSeconds, measureStore, measureUploads } from './store-metrics.ts';

function measured(store: Partial<JobStore>) {
  const registry = new Registry();
  const full = { ready: Promise.resolve(), close: () => Promise.resolve(), ...store } as JobStore;
  return {
    store: measureStore(full, createStoreCallSeconds(registry)),
    text: () => registry.getSingleMetricAsString('glyphmill_store_call_seconds'),
  };
}

it('measures calls under the name of their method, and hands arguments and answers through', async () => {
  const { store, text } = measured({ knownKeys: async (keys) => new Set(keys) });
  expect(await store.knownKeys(['a', 'b'])).toEqual(new Set(['a', 'b']));
  expect(await text()).toContain('glyphmill_store_call_seconds_count{operation="knownKeys"} 1');
});

it('leaves out calls that fail: how long an outage takes is no speed of the store', async () => {
  const { store, text } = measured({ now: () => Promise.reject(new OcrError('store_unavailable', 'away')) });
  await expect(store.now()).rejects.toMatchObject({ code: 'store_unavailable' });
  expect(await text()).not.toContain('operation');
});

it('opens and closes as the store does', async () => {
  let closed = 0;
  const { store } = measured({ ready: Promise.reject(new Error('too new')), close: async () => void (closed += 1) });
  await expect(store.ready).rejects.toThrow('too new');
  await store.close();
  expect(closed).toBe(1);
});

const sendingMs = 2_000;

async function* slowUpload() {
  yield 'first part';
  await delay(sendingMs);
  yield 'last part';
}

it('measures the storing of an upload, and not how slowly it came', async () => {
  const registry = new Registry();
  const put: BlobStore['put'] = async (content) => {
    const parts = await content.toArray();
    if (parts.length < 2) throw new OcrError('storage_full', 'No room');
    return { sha256: 'ab', bytes: 19 };
  };
  const uploads = measureUploads({ put } as BlobStore, createStoreCallSeconds(registry));
  expect(await uploads.put(Readable.from(slowUpload()), { maxBytes: 100 })).toEqual({ sha256: 'ab', bytes: 19 });
  await expect(uploads.put(Readable.from(['one']), { maxBytes: 100 })).rejects.toThrow('No room');
  const text = await registry.getSingleMetricAsString('glyphmill_store_call_seconds');
  expect(text).toContain('glyphmill_store_call_seconds_count{operation="blob_put"} 1');
  const [, seconds] = /_sum\{operation="blob_put"\} (\S+)/.exec(text) ?? [];
  expect(Number(seconds)).toBeLessThan(sendingMs / 1000 / 2);
});
