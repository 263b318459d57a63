import { createHash } from 'node:crypto';
import type { ResultReader } from '@glyphmill/core/results';
import { listings, rowsPerPage } from './listing.ts';

/** Stands for what the pages show first: the newest results, the latest failure and how many there are of what. */
export async function shownDigest(reader: Pick<ResultReader, 'results' | 'failures' | 'status'>): Promise<string> {
  const [{ rows }, failed, { jobs, failures }] = await Promise.all([
    reader.results({ states: listings.latest.states, limit: rowsPerPage }),
    reader.failures({ limit: 1 }),
    reader.status(),
  ]);
  return createHash('sha256')
    .update(JSON.stringify([rows, failed.rows, jobs, failures]))
    .digest('base64url');
}
