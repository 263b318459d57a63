import type { BigIntStats } from 'node:fs';

/** A file as it was at one look. */
export interface SeenFile {
  /** Within the inbox, with `/` between folders. */
  readonly path: string;
  /** See `stampOf`. */
  readonly stamp: string;
  readonly bytes: number;
}

/**
 * Tells whether a file is as it was. The time of its status counts, too: it changes when a file is put in another's
 * place, and when somebody makes one readable. The inode does not: shares that are mounted anew number theirs anew.
 */
export function stampOf(stats: BigIntStats): string {
  return `${stats.size}-${stats.mtimeNs}-${stats.ctimeNs}`;
}

export function seenFileOf(path: string, stats: BigIntStats): SeenFile {
  return { path, stamp: stampOf(stats), bytes: Number(stats.size) };
}
