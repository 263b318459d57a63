import { sql } from '../statement.ts';
import type { Looking, ReaderDialect } from './readable-database.ts';
import { holdsWords } from './word-spans.ts';

export const matchesAJob = 5;
/** Lines asked of the index at once, for each job of a page: common words are in many lines of a page. */
const indexedLinesAJob = 12;
/** Lines that are looked through before the index is asked, and how many at most. */
const firstLines = 3_000;
const maxLines = 12_000;
/** More than it seems to take: the words may be rarer further down. */
const caution = 1.25;

export interface PlaceRow {
  readonly job_seq: number;
  readonly line_index: number;
}

/** Of each job the first lines that hold the words, one more than are shown; newest jobs first. */
export type Places = Map<number, number[]>;

interface PlacesQuery {
  readonly dialect: ReaderDialect;
  readonly words: readonly string[];
  readonly belowSeq: number | undefined;
  readonly jobCount: number;
}

/**
 * The newest jobs that hold the words, `jobCount` of them. An index knows where a word is, but has to gather all words with
 * a beginning before it can tell the newest: a page of common words is found sooner by a look through the newest lines. So
 * these are looked through first, and as long as it seems that some more will do. Of words that are rarer the index has
 * few.
 */
export async function findPlaces(db: Looking, query: PlacesQuery): Promise<Places> {
  const places: Places = new Map();
  let { belowSeq } = query;
  let seen = 0;
  let next = firstLines;
  while (places.size < query.jobCount && seen + next <= maxLines) {
    const fromSeq = await nthNewest(db, { belowSeq, lineCount: next });
    await findInRange(db, { ...query, belowSeq, fromSeq: fromSeq ?? 0 }, places);
    if (fromSeq === undefined) return places;
    belowSeq = fromSeq;
    seen += next;
    next = Math.ceil(((query.jobCount - places.size) * seen * caution) / places.size);
  }
  await findInIndex(db, { ...query, belowSeq }, places);
  return places;
}

/** The job of the last one of so many lines; undefined when there are fewer. */
async function nthNewest(
  db: Looking,
  { belowSeq, lineCount }: { readonly belowSeq: number | undefined; readonly lineCount: number },
): Promise<number | undefined> {
  const older = belowSeq === undefined ? sql`true` : sql`job_seq < ${belowSeq}`;
  const [row] = await db.all<Pick<PlaceRow, 'job_seq'>>(
    sql`SELECT job_seq FROM lines WHERE ${older} ORDER BY job_seq DESC LIMIT 1 OFFSET ${lineCount - 1}`,
  );
  return row?.job_seq;
}

async function findInRange(
  db: Looking,
  { dialect, words, belowSeq, fromSeq }: PlacesQuery & { readonly fromSeq: number },
  places: Places,
): Promise<void> {
  const lines = await db.all<PlaceRow & { readonly text: string }>(dialect.findInRange({ words, fromSeq, belowSeq }));
  for (const line of lines) if (holdsWords(line.text, words)) addPlace(places, line);
}

/** A job that has more matching lines than are asked for at once is passed over with the next question. */
async function findInIndex(
  db: Looking,
  { dialect, words, belowSeq, jobCount }: PlacesQuery,
  places: Places,
): Promise<void> {
  const limit = jobCount * indexedLinesAJob;
  let below = belowSeq;
  while (places.size < jobCount) {
    const rows = await db.all<PlaceRow>(dialect.findMatches({ words, belowSeq: below, limit }));
    const first = rows[0];
    const last = rows.at(-1);
    if (first === undefined || last === undefined) break;
    const isWhole = rows.length < limit;
    // Of the last job only some lines may be there: it is asked for again, unless it is the only one.
    const isCut = !isWhole && last.job_seq !== first.job_seq;
    for (const row of rows) if (!isCut || row.job_seq !== last.job_seq) addPlace(places, row);
    if (isWhole) break;
    below = isCut ? last.job_seq + 1 : last.job_seq;
  }
}

function addPlace(places: Places, { job_seq, line_index }: PlaceRow): void {
  const known = places.get(job_seq);
  if (known === undefined) places.set(job_seq, [line_index]);
  else if (known.length <= matchesAJob) known.push(line_index);
}
