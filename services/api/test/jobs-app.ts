import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createFilesystemBlobStore } from '@glyphmill/core/blobs';
import type { ErrorCode } from '@glyphmill/core/errors';
import { createJobStore, type JobStore } from '@glyphmill/core/store';
import { z } from 'zod';
import type { AppOptions } from '../src/app.ts';
import { sampleResult } from './fake-queue.ts';
import { createLogRecorder } from '@glyphmill/http/test/log-recorder';
import { createTestApp } from './test-app.ts';

export const imageUrl = 'https://example.com/cards/card.png?token=hush';

export const acceptedShape = z.strictObject({ id: z.uuid(), state: z.string() });
export const batchShape = z.strictObject({
  batch: z.uuid().optional(),
  jobs: z.array(z.strictObject({ index: z.int(), id: z.uuid(), state: z.string() })),
});
export const jobShape = z.looseObject({
  id: z.uuid(),
  state: z.string(),
  batch: z.uuid().optional(),
  index: z.int().optional(),
  source: z.looseObject({ kind: z.string(), sha256: z.string().optional() }).optional(),
  position: z.int().optional(),
});
export const pageShape = z.strictObject({ jobs: z.array(jobShape), next_cursor: z.string().optional() });

export interface JobsFixture {
  readonly store: JobStore;
  readonly blobFolder: string;
  readonly blobs: ReturnType<typeof createFilesystemBlobStore>;
  close(): Promise<void>;
}

/** A real database and a real folder of uploads. */
export async function openJobsFixture(): Promise<JobsFixture> {
  const folder = await mkdtemp(join(tmpdir(), 'glyphmill-jobs-'));
  const { logger } = createLogRecorder();
  const store = createJobStore({ databaseUrl: `file:${join(folder, 'ocr_data.db')}`, migrate: 'auto', logger });
  await store.ready;
  const blobFolder = join(folder, 'blobs');
  return {
    store,
    blobFolder,
    blobs: createFilesystemBlobStore({ folder: blobFolder }),
    async close() {
      await store.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

export type JobsApp = ReturnType<typeof createJobsApp>;

/** The app over a real store; the queue is a fake in which nothing happens by itself. */
export function createJobsApp({ store, blobs }: JobsFixture, overrides: Partial<AppOptions> = {}) {
  const app = createTestApp({ store, blobs, ...overrides });
  app.queue.work = () => undefined;
  const post = (body: unknown, headers: Record<string, string> = {}) =>
    app.request('/jobs', {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify(body),
    });
  return {
    ...app,
    post,
    async submit(body: unknown = { image_url: imageUrl }, headers: Record<string, string> = {}) {
      const response = await post(body, headers);
      if (response.status !== 202) throw new Error(`${response.status} ${await response.text()}`);
      return acceptedShape.parse(await response.json());
    },
    async submitBatch(body: unknown, headers: Record<string, string> = {}) {
      const response = await post(body, headers);
      if (response.status !== 202) throw new Error(`${response.status} ${await response.text()}`);
      return batchShape.parse(await response.json());
    },
    async job(id: string) {
      const response = await app.request(`/jobs/${id}`);
      if (response.status !== 200) throw new Error(`${response.status} ${await response.text()}`);
      return jobShape.parse(await response.json());
    },
    async list(query = '') {
      const response = await app.request(`/jobs${query}`);
      if (response.status !== 200) throw new Error(`${response.status} ${await response.text()}`);
      return pageShape.parse(await response.json());
    },
    retry: (id: string) => app.request(`/jobs/${id}/retry`, { method: 'POST' }),
    cancel: (id: string) => app.request(`/jobs/${id}`, { method: 'DELETE' }),
  };
}

/** What a worker does of a job: `undefined` leaves it active. */
export async function runJob(store: JobStore, id: string, end?: 'succeeded' | ErrorCode): Promise<void> {
  const job = await store.get(id);
  if (job === undefined) throw new Error('No such job');
  const claimed = await store.claim({ id, generation: job.generation, workerId: 'w', leaseMs: 20_000 });
  if (claimed.kind !== 'claimed') throw new Error(`Not claimed: ${claimed.kind}`);
  if (end === undefined) return;
  const kept =
    end === 'succeeded'
      ? await store.finishSucceeded(claimed.claim, {
          result: sampleResult,
          sha256: 'a'.repeat(64),
          engineVersion: '1.2.3',
        })
      : await store.finishFailed(claimed.claim, { code: end, message: 'Why', retryable: false });
  if (!kept) throw new Error('The end did not count');
}

/** The store, with some of its methods replaced. */
export function withFaults(store: JobStore, faults: Partial<JobStore>): JobStore {
  return new Proxy(store, {
    get(target, name) {
      const value: unknown = Reflect.get(Object.hasOwn(faults, name) ? faults : target, name);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
}

export interface Part {
  readonly name: string;
  readonly filename?: string;
  readonly type?: string;
  readonly content: string | Uint8Array;
}

/** A form as programs send it; `FormData` would not let a test break it. */
export function formBody(parts: readonly Part[], boundary = 'frontier'): Uint8Array<ArrayBuffer> {
  const pieces = parts.flatMap(({ name, filename, type, content }) => {
    const disposition = `form-data; name="${name}"${filename === undefined ? '' : `; filename="${filename}"`}`;
    const headers = [`Content-Disposition: ${disposition}`, ...(type === undefined ? [] : [`Content-Type: ${type}`])];
    return [`--${boundary}\r\n${headers.join('\r\n')}\r\n\r\n`, content, '\r\n'];
  });
  return new Uint8Array(Buffer.concat([...pieces, `--${boundary}--\r\n`].map((piece) => Buffer.from(piece))));
}
