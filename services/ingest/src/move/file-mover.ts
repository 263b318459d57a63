import { setTimeout as delay } from 'node:timers/promises';
import { placeOfFault } from '@glyphmill/core/describe-fault';
import { OcrError } from '@glyphmill/core/errors';
import { type Leader, type Term, TermOver } from '@glyphmill/core/leader';
import type { Logger } from '@glyphmill/core/logging';
import type { JobState, JobStore } from '@glyphmill/core/store';
import { errnoOf } from '../folder/file-fault.ts';
import { HeldFolder, withFolder } from '../folder/held-folder.ts';
import type { IngestMetrics } from '../ingest-metrics.ts';
import { moveFile } from './move-file.ts';

export interface FileMoverOptions {
  /** Path of the inbox. */
  readonly inbox: string;
  readonly store: Pick<JobStore, 'states' | 'get' | 'inboxFiles' | 'markInboxFilesMoved'>;
  readonly leader: Pick<Leader, 'term'>;
  readonly metrics: Pick<IngestMetrics, 'files'>;
  readonly logger: Logger;
}

const lookEveryMs = 500;
const jobsAtOnce = 500;
/** Others are noted again by the next scan. */
const maxFiles = 5_000;
/** Some megabytes. */
const maxDeleted = 50_000;

/** Moves files whose jobs have ended out of the inbox. It forgets at its end: the next scan tells again what is there. */
export class FileMover {
  readonly #options: FileMoverOptions;
  readonly #stopping = new AbortController();
  readonly #ended: Promise<void>;
  /** Job of each file that is in the inbox. */
  readonly #files = new Map<string, string>();
  readonly #told = new Set<string>();
  /** Ids of jobs that were deleted: their files stay, and each scan tells of them. */
  readonly #deleted = new Set<string>();

  constructor(options: FileMoverOptions) {
    this.#options = options;
    this.#ended = this.#run();
  }

  note(path: string, jobId: string): void {
    if (this.#deleted.has(jobId)) this.#files.delete(path);
    else if (this.#files.size < maxFiles || this.#files.has(path)) this.#files.set(path, jobId);
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#ended;
  }

  async #run(): Promise<void> {
    const { leader } = this.#options;
    while (!this.#stopping.signal.aborted) {
      const term = await leader.term();
      if (term === undefined) return;
      try {
        await this.#round(term);
      } catch (error) {
        if (!(error instanceof TermOver) && !term.isOver) this.#tellFailure(error);
      }
      await delay(lookEveryMs, undefined, { signal: this.#stopping.signal }).catch(() => undefined);
    }
  }

  async #round(term: Term): Promise<void> {
    const files = [...this.#files];
    for (let at = 0; at < files.length; at += jobsAtOnce) {
      term.check();
      const some = files.slice(at, at + jobsAtOnce);
      const states = await this.#options.store.states([...new Set(some.map(([, jobId]) => jobId))]);
      for (const [path, jobId] of some) if (!states.has(jobId)) this.#forget(path, jobId);
      const ended = some.filter(([, jobId]) => hasEnded(states.get(jobId)));
      for (const [path] of ended) this.#files.delete(path);
      if (ended.length > 0) await this.#moveAll(ended, term);
    }
  }

  /** Nothing is known of it any more that could be written beside it. */
  #forget(path: string, jobId: string): void {
    this.#files.delete(path);
    if (this.#deleted.size >= maxDeleted) this.#deleted.clear();
    this.#deleted.add(jobId);
  }

  async #moveAll(files: readonly (readonly [path: string, jobId: string])[], term: Term): Promise<void> {
    const { inbox, store } = this.#options;
    const known = await store.inboxFiles(files.map(([path]) => path));
    await withFolder(HeldFolder.openInbox(inbox), async (held) => {
      for (const [path, jobId] of files) {
        const row = known.get(path);
        term.check();
        if (row?.jobId === jobId) await this.#move(held, { path, stamp: row.stamp, jobId });
      }
    });
  }

  async #move(
    inbox: HeldFolder,
    { path, stamp, jobId }: { readonly path: string; readonly stamp: string; readonly jobId: string },
  ): Promise<void> {
    const { store, metrics, logger } = this.#options;
    const job = await store.get(jobId);
    // Deleted, or retried, since its state was asked for.
    if (job === undefined || !hasEnded(job.state)) return;
    try {
      if ((await moveFile(inbox, { path, stamp, job })) === 'changed') return;
    } catch (error) {
      metrics.files.inc({ outcome: 'move_failed' });
      this.#tellFailure(error);
      return;
    }
    metrics.files.inc({ outcome: 'moved' });
    logger.info({ jobId, state: job.state }, 'A file was moved');
    await store.markInboxFilesMoved([path]);
  }

  /** Each kind of trouble once: it would come back with every scan. */
  #tellFailure(error: unknown): void {
    const { code, message, cause } = OcrError.from(error);
    const reason = errnoOf(error) || (cause instanceof Error ? cause.message : message);
    if (this.#told.has(reason) || this.#told.size > 100) return;
    this.#told.add(reason);
    const fault = code === 'internal' && errnoOf(error) === '' ? { fault: placeOfFault(cause) } : {};
    this.#options.logger.warn({ reason, ...fault }, 'Files cannot be moved');
  }
}

function hasEnded(state: JobState | undefined): boolean {
  return state === 'succeeded' || state === 'failed' || state === 'canceled';
}
