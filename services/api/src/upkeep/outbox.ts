import { OcrError } from '@glyphmill/core/errors';
import type { PostWebhook, WebhookAnswer } from '@glyphmill/core/fetch';
import type { Logger } from '@glyphmill/core/logging';
import type { Registry } from '@glyphmill/core/metrics';
import type { JobRecord, JobStore, OutboxEvent } from '@glyphmill/core/store';
import { toJobBody } from '../jobs/job-body.ts';
import { DeliveryRound } from './delivery-round.ts';
import { receiverOf, RestingReceivers } from './resting-receivers.ts';
import { nextTryAt } from './webhook-backoff.ts';
import { countWebhooks, type WebhookOutcome } from './webhook-counter.ts';
import { signWebhook } from './webhook-signature.ts';

export interface OutboxOptions {
  readonly store: Pick<
    JobStore,
    'takeDueEvents' | 'markDelivered' | 'rescheduleEvent' | 'giveUpEvent' | 'returnEvents' | 'get'
  >;
  readonly post: PostWebhook;
  /** How long `post` may take. */
  readonly timeoutMs: number;
  readonly secret: string;
  readonly logger: Logger;
  readonly registry: Registry;
  readonly now?: () => number;
  readonly random?: () => number;
}

export interface Outbox {
  /**
   * Delivers what is due, at least once; ends when nothing is left or the signal fires, and then gives back what it has not
   * begun to send. Rejects only when the store cannot be asked.
   */
  deliverDue(signal: AbortSignal): Promise<void>;
}

/** Longer than one delivery takes: a process that dies leaves its events to the next one after this. */
const minEventLeaseMs = 60_000;
/** What an event may wait for its turn once it was taken. */
const turnMs = 30_000;
/** The receiver says that it will never want this. */
const goneStatus = 410;

interface Message {
  readonly event: OutboxEvent;
  readonly job: JobRecord;
  readonly type: string;
}

interface Failure {
  readonly error: OcrError;
  readonly retryAfterMs?: number | undefined;
}

export function createOutbox(options: OutboxOptions): Outbox {
  const { store, post, secret, logger, registry, now = Date.now, random = Math.random } = options;
  const counter = countWebhooks(registry);
  const resting = new RestingReceivers(now);

  const deliver = async (event: OutboxEvent, signal: AbortSignal): Promise<WebhookOutcome | 'not sent' | undefined> => {
    if (resting.isResting(event.url)) return undefined;
    const job = await store.get(event.jobId);
    if (job === undefined) {
      await store.giveUpEvent(event.id, 'job_not_found');
      return 'given_up';
    }
    const type = eventType(job, event);
    if (type === undefined) {
      // Replayed since: that end had, or will have, an event of its own.
      await store.markDelivered(event.id);
      return undefined;
    }
    if (signal.aborted) return 'not sent';
    const failure = await send({ event, job, type }, signal);
    if (failure === undefined) {
      await store.markDelivered(event.id);
      return 'delivered';
    }
    return putOff(event, failure);
  };

  const send = async (message: Message, signal: AbortSignal): Promise<Failure | undefined> => {
    const { event } = message;
    const body = JSON.stringify(toBody(message));
    const headers = {
      'content-type': 'application/json',
      ...signWebhook(secret, { eventId: event.id, sentAt: new Date(now()), body }),
    };
    try {
      return failureOf(await post(event.url, { headers, body, signal }));
    } catch (error) {
      if (signal.aborted) throw error;
      return { error: OcrError.from(error) };
    }
  };

  const putOff = async (event: OutboxEvent, { error, retryAfterMs }: Failure): Promise<WebhookOutcome> => {
    if (error.code === 'download_timeout') resting.rest(event.url);
    const at = error.retryable ? nextTryAt({ ...event, now: now(), retryAfterMs, random }) : undefined;
    const about = { jobId: event.jobId, eventId: event.id, tries: event.tries + 1, code: error.code };
    if (at === undefined) {
      logger.warn({ ...about, reason: error.message }, 'A webhook was given up');
      await store.giveUpEvent(event.id, error.code);
      return 'given_up';
    }
    logger.info({ ...about, reason: error.message, retryInMs: at - now() }, 'A webhook was not delivered');
    await store.rescheduleEvent(event.id, { at, code: error.code });
    return 'failed';
  };

  return {
    deliverDue(signal) {
      const round = new DeliveryRound({
        take: (limit) => store.takeDueEvents({ limit, leaseMs: Math.max(minEventLeaseMs, options.timeoutMs + turnMs) }),
        async deliver(event) {
          const outcome = await deliver(event, signal);
          if (outcome === 'not sent') return outcome;
          if (outcome !== undefined) counter.inc({ outcome });
          return undefined;
        },
        giveBack: (events) => store.returnEvents(events),
        receiverOf: ({ url }) => receiverOf(url),
        signal,
      });
      return round.run();
    },
  };
}

function toBody({ event, job, type }: Message) {
  const timestamp = new Date(event.createdAt).toISOString();
  return { type, timestamp, data: toJobBody(job, { requestId: event.id }) };
}

/** Undefined where the job has not ended (again), or did so after the end that the event tells. */
function eventType({ state, finishedAt = 0 }: JobRecord, { createdAt }: OutboxEvent): string | undefined {
  return state === 'queued' || state === 'active' || finishedAt > createdAt ? undefined : `job.${state}`;
}

/** Only these say when to come back; whatever else has the header means something else by it. */
const busyStatuses: ReadonlySet<number> = new Set([429, 503]);

/** What a receiver's answer means; undefined for a 2xx. */
function failureOf({ status, retryAfterMs }: WebhookAnswer): Failure | undefined {
  if (status >= 200 && status < 300) return undefined;
  const error = new OcrError('download_failed', `The receiver answered ${status}`, {
    retryable: status !== goneStatus,
  });
  return { error, ...(busyStatuses.has(status) && { retryAfterMs }) };
}
