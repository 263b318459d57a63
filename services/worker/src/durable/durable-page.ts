import { type ErrorCode, OcrError } from '@glyphmill/core/errors';
import type { Logger } from '@glyphmill/core/logging';
import {
  type ClaimedJob,
  type HandlerAnswer,
  type JobQueue,
  type Outcome,
  toDurablePayload,
  toImageSource,
} from '@glyphmill/core/queue';
import type { JobStore, StoredPictures } from '@glyphmill/core/store';
import { version } from '@glyphmill/core/version';
import { placeOfFault } from '@glyphmill/core/describe-fault';
import type { PagePictures } from '@glyphmill/ocr/pool';
import { toPageError } from '../page-error.ts';
import { logFault, logPage } from '../page-log.ts';
import { createPageRecord, type PageRecord, timeStage } from '../page-record.ts';
import type { PageReader } from '../read-page.ts';
import { hashContent } from './content-hash.ts';
import { DurableRun } from './durable-run.ts';
import { type Ending, type Reading, RunEnder } from './end-run.ts';
import type { LeaseKeeper } from './lease-keeper.ts';
import type { PictureKeeper } from './picture-keeper.ts';
import { StoppedWaiting, type StorePatience } from './store-patience.ts';

/** How a run ends (see Ending), and `outdated`: there was nothing to run. */
export const durableOutcomes = [
  'stored',
  'failed',
  'retried',
  'released',
  'canceled',
  'late',
  'refused',
  'outdated',
] as const satisfies readonly (Ending['kind'] | 'outdated')[];
export type DurableOutcome = Ending['kind'] | 'outdated';

export interface DurableHandlerOptions {
  readonly read: PageReader;
  readonly store: JobStore;
  readonly patience: StorePatience;
  readonly leases: LeaseKeeper;
  readonly leaseMs: number;
  readonly pictures: Pick<PictureKeeper, 'wantsPictures' | 'put'>;
  readonly queue: Pick<JobQueue, 'announce' | 'enqueue'>;
  readonly workerId: string;
  readonly maxAttempts: number;
  readonly retryDelayMs: number;
  readonly logger: Logger;
  readonly onPage: (job: ClaimedJob, record: PageRecord) => void;
  readonly onOutcome: (outcome: DurableOutcome) => void;
  /** A job that could not be claimed, for another reason than that the store is away. */
  readonly onClaimFault: (code: ErrorCode) => void;
}

/** Nobody waits, and nodes that die for other reasons must not fail jobs: more patience than with ephemeral ones. */
const maxLostWorkers = 4;

/** The queue may forget the job: its row says all. */
const forget: Outcome = {
  ok: false,
  error: new OcrError('canceled', 'The row of the job tells how it ended').toWire(),
};

/**
 * Reads a page whose row in the store is the truth: claims the row, reads the page, and stores how that ended; only then
 * the queue forgets the job. Never rejects; writes one log line for each page.
 */
export function createDurableHandler(options: DurableHandlerOptions): (job: ClaimedJob) => Promise<HandlerAnswer> {
  const ender = new RunEnder(options);
  return async (job) => {
    const record = createPageRecord();
    const run = await claim(job, record, options);
    if (!(run instanceof DurableRun)) return run;
    try {
      const reading = await attempt(run, record, options);
      const ending = await timeStage(record, 'store', () => ender.end(run, reading));
      record.outcome = outcomeOf(ending);
      record.isRetried = ending.kind === 'retried';
      if (ending.kind === 'failed' && ending.fault !== undefined) record.failedIn = 'store';
      if (ending.kind === 'retried') await sendAgain(run, ending, options);
      tell(ending, { run, record, options });
      return answerOf(ending);
    } finally {
      run.close();
    }
  };
}

/** The run, or what to tell the queue when there is none. */
async function claim(
  job: ClaimedJob,
  record: PageRecord,
  options: DurableHandlerOptions,
): Promise<DurableRun | HandlerAnswer> {
  const { store, patience, leases, leaseMs, workerId, queue, logger } = options;
  const { id, generation } = job.payload;
  try {
    const answer = await timeStage(record, 'claim', () =>
      patience.call('claim', () => store.claim({ id, generation, workerId, leaseMs }), job.signal),
    );
    if (answer.kind !== 'claimed') {
      logger.debug({ jobId: id, generation, found: answer.kind }, 'The queue held a job that is out of date');
      options.onOutcome('outdated');
      return forget;
    }
    queue.announce(id, 'active').catch(() => undefined);
    return new DurableRun({ claim: answer.claim, row: answer.job, job, leases });
  } catch (error) {
    if (error instanceof StoppedWaiting) return 'give_back';
    // The row stays queued, and is sent again when it is found missing here: other jobs need not wait for it.
    logger.error({ jobId: id, fault: placeOfFault(error) }, 'A job could not be claimed');
    options.onOutcome('refused');
    options.onClaimFault(OcrError.from(error).code);
    return forget;
  }
}

async function attempt(run: DurableRun, record: PageRecord, options: DurableHandlerOptions): Promise<Reading> {
  try {
    if (run.isLate()) {
      record.failedIn = 'queue';
      throw new OcrError('deadline_exceeded', 'The job did not end before its deadline');
    }
    let hash: Promise<string> | undefined;
    let drawn: PagePictures | undefined;
    const result = await options.read({
      job: { ...run.job, payload: { ...run.job.payload, source: toImageSource(run.row.source) } },
      record,
      maxLostWorkers,
      onBytes: (bytes) => {
        hash = hashContent(bytes);
      },
      onPictures: options.pictures.wantsPictures ? (pictures) => void (drawn = pictures) : undefined,
    });
    if (hash === undefined) throw new Error('A page was read without its bytes');
    const pictures = drawn && (await keepPictures(drawn, record, options));
    return { ok: true, page: { result, sha256: await hash, engineVersion: version, pictures } };
  } catch (thrown) {
    const error = toPageError(thrown, run.reading);
    if (error.code === 'internal' && run.stopReason === undefined) logFault(options.logger, run.job, error.cause);
    return { ok: false, error };
  }
}

/** Before the row names them: a blob that no row names is swept, a row that names no blob shows nothing. */
function keepPictures(
  drawn: PagePictures,
  record: PageRecord,
  { pictures }: DurableHandlerOptions,
): Promise<StoredPictures | undefined> {
  return timeStage(record, 'keep', () => pictures.put(drawn));
}

/** If the queue cannot be reached, the job is found missing there and sent by others. */
async function sendAgain(
  run: DurableRun,
  { generation, at }: Extract<Ending, { kind: 'retried' }>,
  { queue, logger }: DurableHandlerOptions,
): Promise<void> {
  const { row, job } = run;
  const { requestId, traceparent } = job.payload;
  const about = { id: row.id, generation, source: row.source, requestId, traceparent };
  const payload = toDurablePayload(about, Date.now());
  try {
    await queue.enqueue(row.lane, payload, { priority: row.priority, delayMs: Math.max(at - run.storeNow(), 0) });
  } catch (error) {
    logger.debug({ jobId: row.id, code: OcrError.from(error).code }, 'A retry was not sent');
  }
}

function outcomeOf(ending: Ending): PageRecord['outcome'] {
  switch (ending.kind) {
    case 'stored':
      return 'succeeded';
    case 'failed':
    case 'retried':
      return ending.error.code;
    case 'canceled':
      return 'canceled';
    case 'late':
    case 'released':
    case 'refused':
      return 'discarded';
  }
}

function answerOf(ending: Ending): HandlerAnswer {
  switch (ending.kind) {
    case 'stored':
      return { ok: true, result: ending.result };
    case 'failed':
    case 'retried':
      return { ok: false, error: ending.error.toWire() };
    case 'released':
      return 'give_back';
    case 'canceled':
    case 'late':
    case 'refused':
      return forget;
  }
}

function tell(
  ending: Ending,
  page: {
    readonly run: DurableRun;
    readonly record: PageRecord;
    readonly options: DurableHandlerOptions;
  },
): void {
  const { run, record, options } = page;
  const { job } = run;
  options.onOutcome(ending.kind);
  options.onPage(job, record);
  if ('fault' in ending && ending.fault !== undefined) {
    options.logger.error(
      { jobId: run.row.id, fault: placeOfFault(ending.fault) },
      'The store refused what it was told',
    );
  }
  const retryInMs = ending.kind === 'retried' ? Math.max(ending.at - run.storeNow(), 0) : undefined;
  const more = { ending: ending.kind, lostWorkers: job.lostWorkers, retryInMs };
  logPage(options.logger, { job, record, attempts: run.row.attempts, more });
}
