import { setTimeout as delay } from 'node:timers/promises';
import { placeOfFault } from '@glyphmill/core/describe-fault';
import { OcrError } from '@glyphmill/core/errors';
import { type Leader, type Term, TermOver } from '@glyphmill/core/leader';
import type { Logger } from '@glyphmill/core/logging';
import { type JobSender, toDurablePayload } from '@glyphmill/core/queue';
import type { Tracer } from '@glyphmill/core/tracing';
import { errnoOf } from '../folder/file-fault.ts';
import type { FileOutcome, IngestMetrics } from '../ingest-metrics.ts';
import type { JobRoom } from './job-room.ts';
import { takeBatch, type TakeBatchOptions, type TakenFile } from './take-batch.ts';
import { traceFile } from './trace-file.ts';
import { patienceFor, type WaitingFile, type WaitingFiles } from './waiting-files.ts';

export interface FileTakerOptions extends TakeBatchOptions {
  readonly batchSize: number;
  readonly waiting: WaitingFiles;
  readonly room: JobRoom;
  readonly sender: JobSender;
  readonly leader: Pick<Leader, 'term'>;
  readonly metrics: Pick<IngestMetrics, 'files' | 'bytes'>;
  readonly tracer: Tracer;
  readonly logger: Logger;
  /** A file has a job from now on. */
  readonly onJob: (path: string, jobId: string) => void;
}

/** How often is looked whether there is room again, and whether what failed works again. */
const roomPauseMs = 500;
const failurePauseMs = 1_000;
const idleMs = 1_000;

/**
 * Takes files, a batch at a time, while this process leads, nobody has paused it and the queue has room. `running` ⇄
 * `paused`; both → `stopped`. A pause lets the batch in hand end.
 */
export class FileTaker {
  readonly #options: FileTakerOptions;
  readonly #stopping = new AbortController();
  readonly #ended: Promise<void>;
  #resumed: PromiseWithResolvers<void> | undefined;
  #failure: string | undefined;

  constructor(options: FileTakerOptions) {
    this.#options = options;
    this.#ended = this.#run();
  }

  get isPaused(): boolean {
    return this.#resumed !== undefined;
  }

  pause(): void {
    this.#resumed ??= Promise.withResolvers();
  }

  resume(): void {
    this.#resumed?.resolve();
    this.#resumed = undefined;
  }

  /** The leader must be stopped, too: its term is what is under way. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    this.resume();
    await this.#ended;
  }

  async #run(): Promise<void> {
    const { leader, room } = this.#options;
    let lastTerm: Term | undefined;
    while (!this.#stopping.signal.aborted) {
      const term = await leader.term();
      if (term === undefined) return;
      if (term !== lastTerm) room.forget();
      lastTerm = term;
      if (this.#resumed === undefined) await this.#round(term);
      else await this.#resumed.promise;
    }
  }

  async #round(term: Term): Promise<void> {
    const { waiting, room, batchSize } = this.#options;
    try {
      const free = await room.free();
      if (free === 0) return await this.#pause(roomPauseMs);
      const files = waiting.take(Math.min(batchSize, free));
      if (files.length === 0) return await waiting.whenDue(idleMs, this.#stopping.signal);
      await this.#take(files, term);
      this.#tellRecovery();
    } catch (error) {
      if (error instanceof TermOver || term.isOver) return;
      this.#tellFailure(error);
      await this.#pause(failurePauseMs);
    }
  }

  async #take(files: readonly WaitingFile[], term: Term): Promise<void> {
    const { waiting } = this.#options;
    const startedAt = Date.now();
    let taken: readonly TakenFile[];
    try {
      taken = await takeBatch(files, { ...this.#options, term });
    } catch (error) {
      for (const file of files) waiting.putBack(file);
      throw error;
    }
    this.#send(taken, startedAt);
    for (const one of taken) this.#settle(one);
  }

  /**
   * Those that are queued, also where the job was known: who made it may have died before it was sent. What the queue
   * holds already it ignores, and what it cannot take now the API's reconciler sends.
   */
  #send(taken: readonly TakenFile[], startedAt: number): void {
    const { sender, room, tracer } = this.#options;
    const jobs = taken.flatMap((one) =>
      one.kind === 'job' && one.accepted.state === 'queued'
        ? [{ ...one.job, id: one.accepted.id, generation: one.accepted.generation, bytes: one.file.bytes }]
        : [],
    );
    const spans = jobs.map(({ id, bytes }) => traceFile(tracer, { jobId: id, bytes, startedAt }));
    const entries = jobs.map((job, index) => ({
      payload: toDurablePayload({ ...job, traceparent: spans[index]?.traceparent }, Date.now()),
      priority: job.priority,
    }));
    room.made(jobs.map(({ id }) => id));
    void sender.send('bulk', entries).then(() => {
      for (const span of spans) span.end();
    });
  }

  #settle(taken: TakenFile): void {
    const { waiting, metrics, logger, onJob } = this.#options;
    const { file } = taken;
    if (taken.kind === 'changed') waiting.putBack({ ...file, ...taken.now, patience: patienceFor(taken.now.bytes) });
    else if (taken.kind === 'unfinished') waiting.putBack({ ...file, patience: 'unfinished' });
    else waiting.done(file.path);
    if (taken.kind === 'settled') return;
    const outcome = outcomeOf(taken);
    metrics.files.inc({ outcome });
    if (taken.kind === 'job' || taken.kind === 'same') {
      metrics.bytes.inc(file.bytes);
      const jobId = taken.kind === 'job' ? taken.accepted.id : taken.jobId;
      // Names of files may be private: they are told only to who asks for them.
      logger.info({ jobId, bytes: file.bytes, outcome }, 'A file was taken');
      logger.debug({ jobId, path: file.path }, 'The file of a job');
      onJob(file.path, jobId);
    } else if (taken.kind === 'unreadable') {
      logger.warn({ code: taken.code, reason: taken.message, bytes: file.bytes }, 'A file could not be taken');
      logger.debug({ path: file.path }, 'The file that could not be taken');
    }
  }

  /** Once for each kind of trouble, and once when it is over. */
  #tellFailure(error: unknown): void {
    const { code, cause } = OcrError.from(error);
    const reason = errnoOf(error) || code;
    if (this.#failure === reason) return;
    this.#failure = reason;
    const fields = code === 'internal' && errnoOf(error) === '' ? { reason, fault: placeOfFault(cause) } : { reason };
    this.#options.logger.warn(fields, 'Files cannot be taken at the moment');
  }

  #tellRecovery(): void {
    if (this.#failure === undefined) return;
    this.#failure = undefined;
    this.#options.logger.info('Files can be taken again');
  }

  async #pause(ms: number): Promise<void> {
    await delay(ms, undefined, { signal: this.#stopping.signal }).catch(() => undefined);
  }
}

function outcomeOf(taken: Exclude<TakenFile, { kind: 'settled' }>): FileOutcome {
  switch (taken.kind) {
    case 'job':
      if (taken.accepted.isRetry) return 'retried';
      return taken.accepted.created ? 'accepted' : 'known';
    case 'same':
      return 'known';
    case 'changed':
    case 'unfinished':
    case 'gone':
      return taken.kind;
    case 'unreadable':
      return taken.code === 'image_too_large' ? 'image_too_large' : 'image_unreadable';
  }
}
