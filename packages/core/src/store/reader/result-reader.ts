import type { WireError } from '../../errors.ts';
import type { JobResult } from '../../queue/payload.ts';
import type { JobState } from '../job-store.ts';

/** A job as lists show it. Texts are what was read or what a sender wrote: hostile input, never markup. */
export interface ResultRow {
  readonly id: string;
  readonly state: JobState;
  /**
   * Where its image came from: the upload's name or the URL without credentials, query and fragment, and the paths in the
   * inbox that hold the same bytes. The first few; none of an upload without a name.
   */
  readonly sources: readonly string[];
  /** How many there are in all. */
  readonly sourceCount: number;
  /** Milliseconds since the epoch, like all times here. */
  readonly createdAt: number;
  readonly finishedAt?: number;
  /** Runs whose failure was worth another try, and the last one. */
  readonly attempts: number;
  /** Why the last run failed; of a job that is tried again, too. */
  readonly error?: WireError;
  /** In pixels of the upright image, once it was read. */
  readonly width?: number;
  readonly height?: number;
  readonly lineCount: number;
  /** 0..1; of a job that has lines. */
  readonly meanConfidence?: number;
  readonly minConfidence?: number;
  /** Up to three, each cut to 200 characters. */
  readonly firstLines: readonly string[];
  /** Names a blob, like `previewSha256`. */
  readonly thumbnailSha256?: string;
}

export interface ResultPage {
  /** Newest first, in the order of acceptance. */
  readonly rows: readonly ResultRow[];
  /** For the next page; absent on the last one. */
  readonly nextCursor?: string;
}

export interface PageQuery {
  /** From `nextCursor`; throws OcrError `invalid_request` for any other text. */
  readonly cursor?: string;
  /** 1..100 */
  readonly limit: number;
}

export interface ResultsQuery extends PageQuery {
  /** All, when left out. */
  readonly states?: readonly JobState[];
}

export interface SearchQuery extends PageQuery {
  readonly text: string;
}

/** Where a word of the query stands in a text: from here (UTF-16 units) up to but without there. */
export type TextSpan = readonly [start: number, end: number];

export interface LineMatch {
  readonly lineIndex: number;
  readonly text: string;
  readonly confidence: number;
  /** In their order, neither overlapping nor touching, never empty. */
  readonly spans: readonly TextSpan[];
}

export interface MatchRow extends ResultRow {
  /** The first few lines that hold every word of the query, in reading order; at least one. */
  readonly matches: readonly LineMatch[];
  readonly hasMoreMatches: boolean;
}

export interface MatchPage {
  readonly rows: readonly MatchRow[];
  readonly nextCursor?: string;
}

/** Everything about one job that the page may show. */
export interface ResultRecord {
  readonly id: string;
  readonly state: JobState;
  readonly batchId?: string;
  /** As of a row, but up to a thousand. */
  readonly sources: readonly string[];
  readonly sourceCount: number;
  readonly createdAt: number;
  /** When its last run began. */
  readonly startedAt?: number;
  readonly finishedAt?: number;
  /** A retry that waits is not run before. */
  readonly nextAttemptAt?: number;
  readonly attempts: number;
  readonly error?: WireError;
  /** Of the image's bytes, once they were read. */
  readonly sha256?: string;
  readonly engineVersion?: string;
  readonly previewSha256?: string;
  readonly thumbnailSha256?: string;
  /** Of a job that succeeded: size, model, timings and every line with its box. */
  readonly result?: JobResult;
}

/**
 * A job that failed, or a file of the inbox that no job could be made of. Jobs of files that were replaced or taken away
 * since are none.
 */
export type FailureRow =
  | {
      readonly kind: 'job';
      /** When it failed. */
      readonly failedAt: number;
      readonly id: string;
      readonly sources: readonly string[];
      readonly sourceCount: number;
      readonly createdAt: number;
      readonly attempts: number;
      readonly error: WireError;
      readonly thumbnailSha256?: string;
    }
  | {
      readonly kind: 'file';
      readonly failedAt: number;
      /** Within the inbox. */
      readonly path: string;
      readonly bytes: number;
      readonly error: Pick<WireError, 'code' | 'message'>;
    };

export interface FailurePage {
  /** The latest failure first. */
  readonly rows: readonly FailureRow[];
  readonly nextCursor?: string;
}

export interface StoreStatus {
  /** By the database's clock, when the rest was counted: some seconds ago at most, longer where counting takes long. */
  readonly countedAt: number;
  readonly jobs: Readonly<Record<JobState, number>>;
  /** Those that `failures` lists. */
  readonly failures: number;
  /** How long the oldest queued job has been waiting. */
  readonly oldestQueuedMs?: number;
  /** Jobs that reached their end since then, canceled ones too. */
  readonly finished: { readonly lastMinute: number; readonly lastHour: number; readonly lastDay: number };
  readonly databaseBytes: number;
}

export interface Pictures {
  readonly previewSha256?: string;
  readonly thumbnailSha256?: string;
}

/**
 * What a page may know of the jobs. It cannot write: its connections are read-only ones, and on SQLite the file is opened
 * for reading only. It neither makes nor migrates a database, but waits for one that a service has made.
 *
 * Methods throw OcrError `store_unavailable` while there is none (yet), and `invalid_request` for a bad cursor. None holds
 * the event loop.
 */
export interface ResultReader {
  /** Resolves when a database is there whose schema fits; rejects with SchemaMismatchError only. Retries all else. */
  readonly ready: Promise<void>;

  results(query: ResultsQuery): Promise<ResultPage>;
  /**
   * Jobs with a line that holds every word of the text; the last word may be the beginning of one. Case, accents and
   * punctuation do not count. Newest first; nothing for a text without letters and digits.
   */
  search(query: SearchQuery): Promise<MatchPage>;
  result(id: string): Promise<ResultRecord | undefined>;
  failures(query: PageQuery): Promise<FailurePage>;
  status(): Promise<StoreStatus>;
  /**
   * A token that is another one whenever something was stored since; cheap enough to be asked every second. It changes
   * with what nobody sees, too, such as a lease.
   */
  changes(): Promise<string>;
  picturesOf(id: string): Promise<Pictures | undefined>;
  close(): Promise<void>;
}
