import type { JobState } from '@glyphmill/core/results';

/** Rows of a page: it stays below 150 kB with them, whatever the texts are (see views/clip-text.ts). */
export const rowsPerPage = 50;
export const matchesPerPage = 25;

/**
 * Ways to look at the results. The latest leave out what waits: a thousand new files would push the results away. What
 * failed has a page of its own.
 */
export const listings = {
  latest: { title: 'Latest', states: ['active', 'succeeded', 'failed', 'canceled'] },
  read: { title: 'Read', states: ['succeeded'] },
  waiting: { title: 'Waiting', states: ['queued'] },
} as const satisfies Record<string, { title: string; states: readonly JobState[] }>;

export type ListingName = keyof typeof listings;
export const listingNames = Object.keys(listings) as ListingName[];

/** Anything else than a name shows the latest. */
export function listingOf(name: string | undefined): ListingName {
  return listingNames.find((known) => known === name) ?? 'latest';
}
