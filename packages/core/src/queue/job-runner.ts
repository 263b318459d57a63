import type { Redis } from 'ioredis';
import { placeOfFault } from '../describe-fault.ts';
import { type ErrorCode, OcrError } from '../errors.ts';
import type { Logger } from '../logging.ts';
import { settledWithin } from './connection.ts';
import type { ClaimedJob, HeldJob } from './held-job.ts';
import type { JobSettlement } from './job-settlement.ts';
import { inputKey, runsKey } from './keys.ts';
import { readOutcome } from './mailbox.ts';
import type { HandlerAnswer, Outcome } from './outcome.ts';
import { type ImageSource, type JobPayload, jobPayloadSchema, type Lane } from './payload.ts';
import { queueLostJob } from './queue-failure.ts';

/** A job that was taken and ended without being handed to the handler. */
export interface UnreadJob {
  readonly lane: Lane;
  /** Where the image was to come from; undefined where the payload cannot be read. */
  readonly source: ImageSource['kind'] | undefined;
  readonly waitedMs: number;
  readonly code: ErrorCode;
}

export interface JobRunnerOptions {
  readonly client: Redis;
  readonly logger: Logger;
  readonly settlement: JobSettlement;
  handle(job: ClaimedJob): Promise<HandlerAnswer>;
  onLockLost(held: HeldJob): void;
  onEndedUnread(job: UnreadJob): void;
}

/** Longer than a job that loses worker after worker is under way. */
const runsTtlMs = 3_600_000;
const giveBackPauseMs = 500;

/** Takes one held job from its payload to its end. */
export class JobRunner {
  readonly #options: JobRunnerOptions;

  constructor(options: JobRunnerOptions) {
    this.#options = options;
  }

  /** Never rejects. */
  async run(held: HeldJob): Promise<void> {
    try {
      await this.#run(held);
    } catch (error) {
      // Its lock runs out and the queue hands it out again.
      this.#options.logger.warn({ jobId: held.id, reason: reasonOf(error) }, 'A job could not be ended');
    } finally {
      held.end();
    }
  }

  async #run(held: HeldJob): Promise<void> {
    const payload = jobPayloadSchema.safeParse(held.job.data);
    if (payload.success) {
      held.id = payload.data.id;
      await this.#runPayload(held, payload.data);
      return;
    }
    held.beginSettling();
    // After a crash between storing and forgetting, the payload is gone but the outcome is there.
    if (await this.#endedBefore(held)) return;
    this.#options.logger.error({ bullJobId: held.bullId }, 'A job has a payload that this version cannot read');
    this.#tellUnread(held, { source: undefined, code: 'internal' });
    await this.#options.settlement.settle(held, 'ephemeral', internalFailure);
  }

  async #runPayload(held: HeldJob, payload: JobPayload): Promise<void> {
    if (payload.kind === 'ephemeral' && (await this.#endedBefore(held))) return;
    const answer = await this.#handle(held, payload);
    // It would come back at once, as long as its lane is open.
    if (answer === 'give_back') await settledWithin(abortOf(held.signal), giveBackPauseMs);
    const outcome = decide(held, payload.kind, answer);
    if (held.started) this.#forgetRun(held, outcome);
    if (outcome === 'discard') {
      if (!held.disowned) this.#options.onLockLost(held);
      return;
    }
    held.beginSettling();
    if (outcome === 'give_back') {
      await this.#options.settlement.giveBack(held);
      return;
    }
    held.answered = true;
    await this.#options.settlement.settle(held, payload.kind, outcome);
  }

  /** Where Redis refuses (no memory left), the page is read all the same: only if it killed us, nobody would be told. */
  async #announceRun(held: HeldJob): Promise<void> {
    const { client, logger } = this.#options;
    const key = runsKey(held.bullId);
    try {
      await client.multi().sadd(key, held.token).pexpire(key, runsTtlMs).exec();
      held.started = true;
    } catch (error) {
      logger.warn({ jobId: held.id, reason: reasonOf(error) }, 'A run could not be announced');
    }
  }

  /** It ended here, so no worker was lost. Not waited for: if Redis cannot be told, the next run is merely alone. */
  #forgetRun({ bullId, token }: HeldJob, outcome: HandlerAnswer | 'discard'): void {
    const { client } = this.#options;
    const runsAgain = outcome === 'discard' || outcome === 'give_back';
    (runsAgain ? client.srem(runsKey(bullId), token) : client.del(runsKey(bullId))).catch(() => undefined);
  }

  /** A worker that died after storing the outcome left only the queue's own bookkeeping to do. */
  async #endedBefore(held: HeldJob): Promise<boolean> {
    if (isFirstRun(held)) return false;
    const outcome = await readOutcome(this.#options.client, held.publicId);
    if (outcome === undefined) return false;
    held.beginSettling();
    await this.#options.settlement.leaveQueue(held, outcome);
    return true;
  }

  #tellUnread({ lane, waitedMs }: HeldJob, why: Pick<UnreadJob, 'source' | 'code'>): void {
    this.#options.onEndedUnread({ lane, waitedMs, ...why });
  }

  async #handle(held: HeldJob, payload: JobPayload): Promise<HandlerAnswer> {
    const { client, logger, handle } = this.#options;
    if (payload.deadlineAt !== undefined) {
      if (payload.deadlineAt <= Date.now()) {
        this.#tellUnread(held, { source: payload.source.kind, code: 'deadline_exceeded' });
        return deadlineExceeded;
      }
      held.abortAt(payload.deadlineAt);
    }
    try {
      return await handle({
        payload,
        lane: held.lane,
        waitedMs: held.waitedMs,
        lostWorkers: isFirstRun(held) ? 0 : await client.scard(runsKey(held.bullId)),
        started: () => this.#announceRun(held),
        signal: held.signal,
        input: async () => {
          const bytes = await client.getBuffer(inputKey(payload.id));
          if (bytes === null) throw queueLostJob();
          return bytes;
        },
      });
    } catch (error) {
      if (error instanceof OcrError) return { ok: false, error: error.toWire() };
      if (!held.signal.aborted)
        logger.error({ jobId: payload.id, fault: placeOfFault(error) }, 'The job handler threw');
      return internalFailure;
    }
  }
}

function abortOf(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener(
      'abort',
      () => {
        resolve();
      },
      { once: true },
    );
  });
}

/** Saves asking Redis what cannot be. */
function isFirstRun(held: HeldJob): boolean {
  return held.job.attemptsStarted <= 1;
}

const internalFailure: Outcome = { ok: false, error: OcrError.from(undefined).toWire() };
const canceled: Outcome = { ok: false, error: new OcrError('canceled', 'The job was canceled').toWire() };
const deadlineExceeded: Outcome = {
  ok: false,
  error: new OcrError('deadline_exceeded', 'The image was not read in time').toWire(),
};

/** What becomes of the handler's answer when the job was to stop meanwhile. */
function decide(held: HeldJob, kind: JobPayload['kind'], answer: HandlerAnswer): HandlerAnswer | 'discard' {
  if (held.disowned) return 'discard';
  switch (held.abortReason) {
    case undefined:
      return answer;
    case 'lock_lost':
      return 'discard';
    case 'drain':
      // The handler of a durable job has stored the end that it tells; of others a failure may be due to the stop.
      return kind === 'durable' || answer === 'give_back' || answer.ok ? answer : 'give_back';
    case 'deadline':
      return deadlineExceeded;
    case 'canceled':
      return canceled;
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : 'unknown';
}
