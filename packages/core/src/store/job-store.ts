import type { ErrorCode, WireError } from '../errors.ts';
import type { JobResult, Lane } from '../queue/payload.ts';

/** The life of a durable job. The last three are terminal: a job reaches exactly one of them, once. */
export const jobStates = ['queued', 'active', 'succeeded', 'failed', 'canceled'] as const;
export type JobState = (typeof jobStates)[number];
export type TerminalState = Extract<JobState, 'succeeded' | 'failed' | 'canceled'>;

export type JsonObject = { readonly [key: string]: unknown };

/** Where a durable job's bytes come from. */
export type JobSource =
  | { readonly kind: 'url'; readonly url: string }
  /** An upload in the blob store; `name` is what its sender called the file. */
  | { readonly kind: 'blob'; readonly sha256: string; readonly bytes: number; readonly name?: string };

export interface NewJob {
  /** UUID v7: ids sort by the time of their making. */
  readonly id: string;
  readonly batch?: { readonly id: string; readonly index: number };
  readonly lane: Lane;
  /** Within the lane; smaller runs sooner. */
  readonly priority: number;
  readonly source: JobSource;
  /** `fingerprint` tells another body under the same key. */
  readonly idempotency?: { readonly key: string; readonly fingerprint: string };
  readonly metadata?: JsonObject;
  /** Where the terminal state is posted to. */
  readonly callbackUrl?: string;
  /** Not ended by then, it fails with `deadline_exceeded`. Milliseconds since the epoch, like all times here. */
  readonly deadlineAt?: number;
  readonly requestId?: string;
}

/** What came of one `NewJob`: made, or found under its idempotency key. */
export interface AcceptedJob {
  readonly id: string;
  readonly state: JobState;
  readonly created: boolean;
  readonly batchId?: string;
}

/** A job without its result. */
export interface JobSummary {
  readonly id: string;
  readonly batch?: { readonly id: string; readonly index: number };
  readonly lane: Lane;
  readonly priority: number;
  readonly source: JobSource;
  readonly metadata?: JsonObject;
  readonly callbackUrl?: string;
  readonly requestId?: string;
  readonly state: JobState;
  /** Part of the queue's name of the job: raised each time that it is sent anew. */
  readonly generation: number;
  /** Runs whose failure was worth another try, and the one under way. */
  readonly attempts: number;
  /** Why the last run failed; of a job that is tried again, too. */
  readonly error?: WireError;
  /** Of the image's bytes, once they were read. */
  readonly sha256?: string;
  /** Of a job that succeeded, where they are kept. */
  readonly pictures?: StoredPictures;
  readonly model?: string;
  readonly engineVersion?: string;
  readonly deadlineAt?: number;
  /** A retry that waits is not run before. */
  readonly nextAttemptAt?: number;
  readonly createdAt: number;
  /** When its last run began. */
  readonly startedAt?: number;
  readonly finishedAt?: number;
}

export interface JobRecord extends JobSummary {
  /** Of a job that succeeded. */
  readonly result?: JobResult;
}

/** The right to end a job, of one run of it. `token` is new for each claim: whoever claims later takes it away. */
export interface Claim {
  readonly id: string;
  readonly generation: number;
  readonly token: string;
}

export type ClaimAnswer =
  | { readonly kind: 'claimed'; readonly claim: Claim; readonly job: JobSummary }
  /** The job has its terminal state: the queue may forget it. */
  | { readonly kind: 'ended'; readonly state: TerminalState }
  /** It was sent anew since under another generation. */
  | { readonly kind: 'superseded' }
  | { readonly kind: 'unknown' };

/** Where the blob store has a page as it is shown to people. */
export interface StoredPictures {
  readonly previewSha256: string;
  readonly thumbnailSha256: string;
}

/** A page that was read, as it is stored. */
export interface FinishedPage {
  readonly result: JobResult;
  readonly sha256: string;
  readonly engineVersion: string;
  readonly pictures?: StoredPictures | undefined;
}

export type CancelAnswer =
  | { readonly kind: 'canceled'; readonly was: 'queued' | 'active'; readonly job: JobSummary }
  /** It has a terminal state already, which stays. */
  | { readonly kind: 'ended'; readonly job: JobSummary }
  | { readonly kind: 'unknown' };

export type RetryAnswer =
  | { readonly kind: 'queued'; readonly job: JobSummary }
  | { readonly kind: 'not_failed'; readonly job: JobSummary }
  | { readonly kind: 'unknown' };

export interface JobPage {
  /** Newest first. */
  readonly jobs: readonly JobSummary[];
  /** For the next page; absent on the last one. */
  readonly nextCursor?: string;
}

export interface ListQuery {
  readonly states?: readonly JobState[];
  readonly batchId?: string;
  /** From `nextCursor`; throws OcrError `invalid_request` for any other text. */
  readonly cursor?: string;
  /** 1..1000 */
  readonly limit: number;
}

export interface LineMatch {
  readonly jobId: string;
  readonly lineIndex: number;
  readonly text: string;
  readonly confidence: number;
}

/** A job that ought to be in the queue: what is needed to look for it there and to send it. */
export interface PendingJob {
  readonly id: string;
  readonly generation: number;
  readonly state: 'queued' | 'active';
  readonly lane: Lane;
  readonly priority: number;
  readonly source: JobSource;
  readonly createdAt: number;
  readonly nextAttemptAt?: number;
  readonly requestId?: string;
}

/** What became of a file in the inbox. Files with the same bytes have the same job. */
export interface InboxFileRecord {
  /** Within the inbox, with `/` between folders. */
  readonly path: string;
  /** Size and times as the file system tells them: a file with another stamp is looked at again. */
  readonly stamp: string;
  readonly bytes: number;
  readonly sha256?: string;
  readonly jobId?: string;
  /** Why no job could be made of it. */
  readonly error?: { readonly code: ErrorCode; readonly message: string };
}

export interface InboxFile extends InboxFileRecord {
  /** When it was moved out of the inbox. */
  readonly movedAt?: number;
  readonly updatedAt: number;
}

/** Files by the state of their jobs; `unreadable` ones have none. Those whose job was deleted are left out. */
export type InboxCounts = Readonly<Record<JobState | 'unreadable', number>>;

/** A message about a job's end that waits to be delivered to its `callbackUrl`. */
export interface OutboxEvent {
  /** UUID; the same for every try. */
  readonly id: string;
  readonly jobId: string;
  readonly url: string;
  /** Tries that failed. */
  readonly tries: number;
  readonly createdAt: number;
  /** When it is due again by itself, for whoever takes it then. */
  readonly takenUntil: number;
}

/**
 * The truth about durable jobs. Every change of a job is one transaction, and every change by a worker checks its claim:
 * a late finish of a run that lost it, or after a cancel, changes nothing.
 *
 * Methods throw OcrError `store_unavailable` (unreachable, locked for long, not open yet; worth a retry) or
 * `storage_full`; others are `internal`. None holds the event loop for more than about 50 ms.
 */
export interface JobStore {
  /** Resolves when the store is open and its schema fits; rejects with SchemaMismatchError only. Retries all else. */
  readonly ready: Promise<void>;

  /**
   * All or none, durable on return. In the order given. A job whose idempotency key is known is not made again; with
   * another fingerprint all are refused: OcrError `idempotency_conflict`, with a violation `/images/<index>` for each.
   * Who does not learn what came of a call may repeat it with the same ids: jobs that it has made count as made now.
   */
  accept(jobs: readonly NewJob[]): Promise<AcceptedJob[]>;
  /** Those of the idempotency keys that stand for a job. */
  knownKeys(keys: readonly string[]): Promise<Set<string>>;

  /**
   * Takes the job for a run: `queued`, or `active` under the same generation (the queue hands a job out again only when
   * its former worker has lost it). Counts an attempt unless the former run was lost or released.
   */
  claim(request: {
    readonly id: string;
    readonly generation: number;
    readonly workerId: string;
    readonly leaseMs: number;
  }): Promise<ClaimAnswer>;
  /** Returns the claims that no longer hold. */
  renewLeases(claims: readonly Claim[], leaseMs: number): Promise<Claim[]>;
  /** Lines, terminal state and outbox row. False: the claim no longer holds, nothing was changed. Same for the next two. */
  finishSucceeded(claim: Claim, page: FinishedPage): Promise<boolean>;
  finishFailed(claim: Claim, error: WireError): Promise<boolean>;
  /** Gives the job back without blame: it is `queued` again under the same generation. */
  release(claim: Claim): Promise<boolean>;
  /** Queues it for another attempt under a new generation, which is returned; undefined: the claim no longer holds. */
  requeue(
    claim: Claim,
    next: { readonly error: WireError; readonly nextAttemptAt: number },
  ): Promise<number | undefined>;

  /** Ends a job that has not ended; an active run loses its claim. */
  cancel(id: string): Promise<CancelAnswer>;
  /** A failed job starts over: new generation, no attempts, no error, and in the bulk lane. */
  retryFailed(id: string): Promise<RetryAnswer>;

  get(id: string): Promise<JobRecord | undefined>;
  /** States of those that exist; up to 1000 ids. */
  states(ids: readonly string[]): Promise<Map<string, JobState>>;
  list(query: ListQuery): Promise<JobPage>;
  /**
   * 1: the next one of its lane, as far as durable jobs go; undefined when it is not queued. Far from the front up to a
   * second old.
   */
  position(id: string): Promise<number | undefined>;
  /** Queued or active. */
  countUnfinished(): Promise<number>;
  countByState(): Promise<Record<JobState, number>>;
  /** Jobs that were run to their end since then: canceled ones say nothing of how fast work is done. */
  countFinishedSince(since: number): Promise<number>;
  /** Lines that hold every word of the query, newest jobs first; the last word may be the beginning of one. */
  searchLines(query: { readonly text: string; readonly limit: number }): Promise<LineMatch[]>;

  /**
   * Jobs that the queue ought to hold, by id: queued ones that nothing has changed since `untouchedSince`, and active
   * ones whose lease ran out. `after` is the last id of the page before.
   */
  pending(query: {
    readonly untouchedSince: number;
    readonly after?: string;
    readonly limit: number;
  }): Promise<PendingJob[]>;
  /** Of those that still are as they were listed: queued under a new generation. The jobs as they are now. */
  resend(jobs: readonly PendingJob[]): Promise<PendingJob[]>;
  /** Fails jobs past their deadline; returns them. */
  expireDeadlines(limit: number): Promise<JobSummary[]>;
  /** Deletes jobs that ended before then, with their lines; returns how many. */
  deleteFinished(query: { readonly finishedBefore: number; readonly limit: number }): Promise<number>;
  /**
   * Those of the blobs that are needed: uploads of jobs that are queued, active or failed (a failed one may be retried),
   * and pictures of all jobs.
   */
  blobsInUse(sha256s: readonly string[]): Promise<Set<string>>;

  /** Those of the files that are known; up to 1000 paths. */
  inboxFiles(paths: readonly string[]): Promise<Map<string, InboxFile>>;
  /** Writes what became of the files, whatever was known of them. */
  recordInboxFiles(files: readonly InboxFileRecord[]): Promise<void>;
  markInboxFilesMoved(paths: readonly string[]): Promise<void>;
  /**
   * Paths of files that no text came of, since they have an error or their job failed, and that were not moved since;
   * `after` is the last one of the page before.
   */
  unreadableInboxFiles(query: { readonly after?: string; readonly limit: number }): Promise<string[]>;
  /** Deletes what is known of those of the files that no text came of. */
  forgetInboxFiles(paths: readonly string[]): Promise<void>;
  /** Ids of jobs of files, queued or active. */
  unfinishedInboxJobs(limit: number): Promise<string[]>;
  countInboxFiles(): Promise<InboxCounts>;

  /** Events that are due, oldest first; nobody else gets them for `leaseMs`. */
  takeDueEvents(query: { readonly limit: number; readonly leaseMs: number }): Promise<OutboxEvent[]>;
  markDelivered(eventId: string): Promise<void>;
  rescheduleEvent(eventId: string, next: { readonly at: number; readonly code: ErrorCode }): Promise<void>;
  giveUpEvent(eventId: string, code: ErrorCode): Promise<void>;
  /** Those that nobody has taken since are due now, as if they had not been taken. */
  returnEvents(events: readonly Pick<OutboxEvent, 'id' | 'takenUntil'>[]): Promise<void>;
  /** Gives up what is due, and was made longer ago than that; returns how many. */
  giveUpOldEvents(query: {
    readonly olderThanMs: number;
    readonly code: ErrorCode;
    readonly limit: number;
  }): Promise<number>;
  /** Events that are neither delivered nor given up, as many as `limit` at most. */
  countPendingEvents(limit: number): Promise<number>;

  /** True while `holder` has the lease: it was free, ran out, or is its own (renewed then). */
  acquireLease(request: { readonly name: string; readonly holder: string; readonly ttlMs: number }): Promise<boolean>;
  releaseLease(request: { readonly name: string; readonly holder: string }): Promise<void>;

  /** The clock that the times here go by, which need not be this host's. */
  now(): Promise<number>;
  /** A write that changes nothing: throws when the store cannot take jobs. */
  check(): Promise<void>;
  close(): Promise<void>;
}
