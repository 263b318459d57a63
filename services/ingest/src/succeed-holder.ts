import { randomUUID } from 'node:crypto';
import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { JobStore } from '@glyphmill/core/store';

export interface SucceedHolderOptions {
  readonly store: Pick<JobStore, 'ready' | 'releaseLease'>;
  readonly leaseName: string;
  readonly dataDir: string;
}

/**
 * A new holder of the lease, written down in the data folder. The one that stood there is dead, since we have its socket
 * now: its lease is given back as soon as the store can be asked, so that nobody waits for it to run out.
 */
export async function succeedHolder({ store, leaseName, dataDir }: SucceedHolderOptions): Promise<string> {
  const path = join(dataDir, 'ingest.holder');
  const holder = randomUUID();
  const former = await readFile(path, 'utf8').catch(() => undefined);
  if (former !== undefined) {
    store.ready.then(() => store.releaseLease({ name: leaseName, holder: former })).catch(() => undefined);
  }
  await writeFile(`${path}.new`, holder, { mode: 0o600 });
  await rename(`${path}.new`, path);
  return holder;
}
