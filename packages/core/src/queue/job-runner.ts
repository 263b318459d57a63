import type { Redis } from 'ioredis';
import { OcrError } from '../errors.ts';
import type { Logger } from '../logging.ts';
import type { ClaimedJob, HeldJob } from './held-job.ts';
import type { JobSettlement } from './job-settlement.ts';
import { inputKey, runsKey } from './keys.ts';
import { readOutcome } from './mailbox.ts';
import type { Outcome } from './outcome.ts';
import { type JobPayload, jobPayloadSchema } from './payload.ts';
import { queueLostJob } from './queue-failure.ts';

export interface JobRunnerOptions {
  readonly client: Redis;
  readonly logger: Logger;
  readonly settlement: JobSettlement;
  handle(job: ClaimedJob): Promise<Outcome>;
  onLockLost(held: HeldJob): void;
}

/** Longer than a job that loses worker after worker is under way. */
const runsTtlMs = 3_600_000;

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
    await this.#options.settlement.settle(held, 'ephemeral', internalFailure);
  }

  async #runPayload(held: HeldJob, payload: JobPayload): Promise<void> {
    if (payload.kind === 'ephemeral' && (await this.#endedBefore(held))) return;
    const answer = await this.#handle(held, payload);
    const outcome = decide(held, answer);
    // It ended here, so no worker was lost. Not waited for: if Redis cannot be told, the next run is merely alone.
    if (held.started) this.#options.client.decr(runsKey(held.bullId)).catch(() => undefined);
    if (outcome === 'discard') {
      if (!held.disowned) this.#options.onLockLost(held);
      return;
    }
    held.beginSettling();
    if (outcome === 'give back') {
      await this.#options.settlement.giveBack(held);
      return;
    }
    held.answered = true;
    await this.#options.settlement.settle(held, payload.kind, outcome);
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

  async #handle(held: HeldJob, payload: JobPayload): Promise<Outcome> {
    const { client, logger, handle } = this.#options;
    if (payload.deadlineAt !== undefined) {
      if (payload.deadlineAt <= Date.now()) return deadlineExceeded;
      held.abortAt(payload.deadlineAt);
    }
    try {
      return await handle({
        payload,
        lane: held.lane,
        lostWorkers: isFirstRun(held) ? 0 : Number(await client.get(runsKey(held.bullId))),
        started: async () => {
          const key = runsKey(held.bullId);
          await client.multi().incr(key).pexpire(key, runsTtlMs).exec();
          held.started = true;
        },
        signal: held.signal,
        input: async () => {
          const bytes = await client.getBuffer(inputKey(payload.id));
          if (bytes === null) throw queueLostJob();
          return bytes;
        },
      });
    } catch (error) {
      if (error instanceof OcrError) return { ok: false, error: error.toWire() };
      if (!held.signal.aborted) logger.error({ jobId: payload.id, ...placeOf(error) }, 'The job handler threw');
      return internalFailure;
    }
  }
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
function decide(held: HeldJob, answer: Outcome): Outcome | 'discard' | 'give back' {
  if (held.disowned) return 'discard';
  switch (held.abortReason) {
    case undefined:
      return answer;
    case 'lock_lost':
      return 'discard';
    case 'drain':
      return answer.ok ? answer : 'give back';
    case 'deadline':
      return deadlineExceeded;
    case 'canceled':
      return canceled;
  }
}

/** Where it was thrown, without its message: that may hold an address or recognized text. */
function placeOf(error: unknown): { readonly error: string; readonly stack: readonly string[] } {
  if (!(error instanceof Error)) return { error: typeof error, stack: [] };
  const frames = (error.stack ?? '').split('\n').filter((line) => line.trimStart().startsWith('at '));
  return { error: error.name, stack: frames.map((frame) => frame.trim()) };
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : 'unknown';
}
