import { randomUUIDv7 } from 'node:crypto';
import type { BlobStore } from '@glyphmill/core/blobs';
import type { Term } from '@glyphmill/core/leader';
import {
  type AcceptedJob,
  type InboxFile,
  inboxKeyOf,
  type InboxFileRecord,
  type JobStore,
  type NewJob,
} from '@glyphmill/core/store';
import { HeldFolder, withFolder } from '../folder/held-folder.ts';
import { copyFile, type CopyAnswer } from './copy-file.ts';
import type { WaitingFile } from './waiting-files.ts';

export interface TakeBatchOptions {
  /** Path of the inbox. */
  readonly inbox: string;
  readonly store: Pick<JobStore, 'inboxFiles' | 'now' | 'accept' | 'retryFailed' | 'recordInboxFiles'>;
  readonly blobs: Pick<BlobStore, 'put'>;
  readonly maxBytes: number;
  /** What becomes of files that were read. */
  readonly after: 'keep' | 'move';
  /** A job that has not ended after so long fails. */
  readonly jobDeadlineMs: number | undefined;
}

/** What came of a file. */
export type TakenFile =
  | { readonly kind: 'job'; readonly file: WaitingFile; readonly job: NewJob; readonly accepted: AcceptedFile }
  /** It is what its job was made of, and only looks newer. */
  | { readonly kind: 'same'; readonly file: WaitingFile; readonly jobId: string }
  /** Somebody else has dealt with it since it was seen. */
  | { readonly kind: 'settled'; readonly file: WaitingFile }
  | (Exclude<CopyAnswer, { kind: 'copied' }> & { readonly file: WaitingFile });

export interface AcceptedFile extends AcceptedJob {
  /** Of the queue's name of the job. */
  readonly generation: number;
  /** It had failed, and runs once more. */
  readonly isRetry: boolean;
}

/** In the bulk lane, as all that nobody waits for; later than what an operator gives a better place. */
const priority = 100;

/**
 * Copies the files, makes jobs of them and writes down which, in this order: who dies in between leaves a copy without a
 * job, which is swept, or a job that the next try finds by the key of its bytes. Nothing is lost, nothing made twice.
 * Throws what store and blob store throw, and what opening the inbox does.
 */
export async function takeBatch(
  files: readonly WaitingFile[],
  { term, ...options }: TakeBatchOptions & { readonly term: Term },
): Promise<TakenFile[]> {
  const { store } = options;
  const known = await store.inboxFiles(files.map(({ path }) => path));
  const isSettled = (file: WaitingFile) => !file.isRepeat && known.get(file.path)?.stamp === file.stamp;
  const open = files.filter((file) => !isSettled(file));
  const copied = await copyAll(open, { ...options, signal: term.signal });
  const deadlineAt = await deadlineOf(options);
  const jobs = copied.flatMap(({ file, answer }) =>
    answer.kind !== 'copied' || jobOfSameBytes(known.get(file.path), answer.sha256) !== undefined
      ? []
      : [newJobOf(file, answer, deadlineAt)],
  );
  term.check();
  const accepted = await acceptAll(jobs, options);
  const byPath = new Map(jobs.map((job) => [job.source.kind === 'blob' ? job.source.name : '', job]));
  const taken = copied.map(({ file, answer }): TakenFile & { record?: InboxFileRecord } => {
    if (answer.kind === 'unreadable') {
      const { code, message } = answer;
      return { ...answer, file, record: { ...recordOf(file), error: { code, message } } };
    }
    if (answer.kind !== 'copied') return { ...answer, file };
    const sha256 = answer.sha256;
    const job = byPath.get(file.path);
    const found = job && accepted.get(job);
    if (job !== undefined && found !== undefined)
      return { kind: 'job', file, job, accepted: found, record: { ...recordOf(file), sha256, jobId: found.id } };
    const jobId = jobOfSameBytes(known.get(file.path), sha256) ?? '';
    return { kind: 'same', file, jobId, record: { ...recordOf(file), sha256, jobId } };
  });
  await store.recordInboxFiles(taken.flatMap(({ record }) => record ?? []));
  return [...taken, ...files.filter(isSettled).map((file) => ({ kind: 'settled', file }) as const)];
}

/**
 * Files whose job failed are moved away, so that one that lies in the inbox with these bytes was put there once more, most
 * likely under its old name: somebody wants it to be tried again. Where files stay, a failed one stays failed.
 */
async function acceptAll(
  jobs: readonly NewJob[],
  { store, after }: Pick<TakeBatchOptions, 'store' | 'after'>,
): Promise<Map<NewJob, AcceptedFile>> {
  const accepted = new Map<NewJob, AcceptedFile>();
  for (const [index, answer] of (await store.accept(jobs)).entries()) {
    const job = jobs[index];
    if (job === undefined) continue;
    const retried = after === 'move' && answer.state === 'failed' ? await store.retryFailed(answer.id) : undefined;
    if (retried?.kind === 'queued') {
      const { state, generation } = retried.job;
      accepted.set(job, { ...answer, state, generation, isRetry: true });
    } else accepted.set(job, { ...answer, generation: 0, isRetry: false });
  }
  return accepted;
}

interface Copied {
  readonly file: WaitingFile;
  readonly answer: CopyAnswer;
}

/** At the same time, since most of it is waiting for disks. */
async function copyAll(
  files: readonly WaitingFile[],
  { inbox, blobs, maxBytes, signal }: Pick<TakeBatchOptions, 'inbox' | 'blobs' | 'maxBytes'> & { signal: AbortSignal },
): Promise<Copied[]> {
  if (files.length === 0) return [];
  return withFolder(HeldFolder.openInbox(inbox), async (held) => {
    const copies = await Promise.allSettled(
      files.map((file) => copyFile(file, { inbox: held, blobs, maxBytes, signal })),
    );
    return copies.flatMap((copy, index) => {
      // Not before all have ended: they use the folder.
      if (copy.status === 'rejected') throw copy.reason;
      const file = files[index];
      return file === undefined ? [] : [{ file, answer: copy.value }];
    });
  });
}

/** A file that was moved away and came again is another file, even with the same bytes. */
function jobOfSameBytes(known: InboxFile | undefined, sha256: string): string | undefined {
  return known?.sha256 === sha256 && known.movedAt === undefined ? known.jobId : undefined;
}

/** By the store's clock, which judges it. */
async function deadlineOf({
  jobDeadlineMs,
  store,
}: Pick<TakeBatchOptions, 'jobDeadlineMs' | 'store'>): Promise<number | undefined> {
  return jobDeadlineMs === undefined ? undefined : (await store.now()) + jobDeadlineMs;
}

function newJobOf(
  { path }: WaitingFile,
  { sha256, bytes }: Extract<CopyAnswer, { kind: 'copied' }>,
  deadlineAt: number | undefined,
): NewJob {
  return {
    id: randomUUIDv7(),
    lane: 'bulk',
    priority,
    source: { kind: 'blob', sha256, bytes, name: path },
    idempotency: { key: inboxKeyOf(sha256), fingerprint: sha256 },
    ...(deadlineAt !== undefined && { deadlineAt }),
  };
}

function recordOf({ path, stamp, bytes }: WaitingFile): InboxFileRecord {
  return { path, stamp, bytes };
}
