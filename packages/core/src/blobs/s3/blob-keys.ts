import { isSha256 } from '../blob-paths.ts';

/** One copy of a blob in a bucket. A blob has as many as there were hours in which it was put or touched. */
export interface BlobCopy {
  readonly sha256: string;
  /** `2026-11-27T01`, in UTC: alphabetical order is that of time. */
  readonly hour: string;
}

const hourMs = 3_600_000;

export function hourOf(time: number): string {
  return new Date(time).toISOString().slice(0, 13);
}

/** When the last put under this hour may have begun. */
export function endOfHour(hour: string): number {
  return Date.parse(`${hour}:00:00Z`) + hourMs;
}

/**
 * `ab/cd/abcd….2026-11-27T01` below the prefix. An object store needs no folders, but some are made of files, and then no
 * folder of a million blobs has more than a few dozen.
 */
export function keyOf(prefix: string, { sha256, hour }: BlobCopy): string {
  return `${stemOf(prefix, sha256)}${hour}`;
}

/** What the keys of all copies of a blob begin with, and no other key does. */
export function stemOf(prefix: string, sha256: string): string {
  return `${prefix}${sha256.slice(0, 2)}/${sha256.slice(2, 4)}/${sha256}.`;
}

/** Undefined for what is not ours. */
export function parseKey(prefix: string, key: string): BlobCopy | undefined {
  const [sha256 = '', hour = ''] = key.slice(key.lastIndexOf('/') + 1).split('.');
  if (!isSha256(sha256) || !/^\d{4}-\d\d-\d\dT\d\d$/.test(hour) || Number.isNaN(endOfHour(hour))) return undefined;
  return keyOf(prefix, { sha256, hour }) === key ? { sha256, hour } : undefined;
}
