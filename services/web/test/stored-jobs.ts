import { randomBytes, randomUUIDv7 } from 'node:crypto';
import { Readable } from 'node:stream';
import { createFilesystemBlobStore } from '@glyphmill/core/blobs';
import { createLogger } from '@glyphmill/core/logging';
import { createJobStore, type JobStore } from '@glyphmill/core/store';
import { lineOf } from './fake-reader.ts';

/** What a browser would take for a picture by its first bytes. */
export const pictureBytes = Buffer.from(
  'RIFF\x1a\0\0\0WEBPVP8L\x0d\0\0\0\x2f\0\0\0\x10\x07\x10\x11\x11\x88\x88\xfe\x07\0',
  'latin1',
);

/** Fills a data folder as the other services do. */
export interface StoredJobs {
  readonly store: JobStore;
  succeed(page: { readonly name: string; readonly texts: readonly string[] }): Promise<string>;
  fail(job: { readonly name: string; readonly message: string }): Promise<string>;
  wait(name: string): Promise<string>;
  close(): Promise<void>;
}

export async function openStoredJobs(dataFolder: string): Promise<StoredJobs> {
  const logger = createLogger({ service: 'test', level: 'silent' });
  const store = createJobStore({ databaseUrl: `file:${dataFolder}/ocr_data.db`, migrate: 'auto', logger });
  const blobs = createFilesystemBlobStore({ folder: `${dataFolder}/blobs` });
  await store.ready;

  const wait = async (name: string): Promise<string> => {
    const id = randomUUIDv7();
    const source = { kind: 'blob', sha256: randomBytes(32).toString('hex'), bytes: 1, name } as const;
    await store.accept([{ id, lane: 'bulk', priority: 100, source }]);
    return id;
  };
  const claim = async (name: string) => {
    const id = await wait(name);
    const answer = await store.claim({ id, generation: 0, workerId: 'test', leaseMs: 60_000 });
    if (answer.kind !== 'claimed') throw new Error(`Another took the job: ${answer.kind}`);
    return answer.claim;
  };
  return {
    store,
    wait,
    async succeed({ name, texts }) {
      const { sha256 } = await blobs.put(Readable.from([pictureBytes]), { maxBytes: 1_000 });
      const own = await claim(name);
      const result = {
        width: 1000,
        height: 400,
        model: 'small',
        timings: { detect: 1 },
        lines: texts.map((text) => lineOf(text)),
      };
      const pictures = { previewSha256: sha256, thumbnailSha256: sha256 };
      await store.finishSucceeded(own, { result, sha256: 'cd'.repeat(32), engineVersion: '1', pictures });
      return own.id;
    },
    async fail({ name, message }) {
      const own = await claim(name);
      await store.finishFailed(own, { code: 'image_unreadable', message, retryable: false });
      return own.id;
    },
    close: () => store.close(),
  };
}
