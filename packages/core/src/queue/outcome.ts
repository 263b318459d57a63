import { z } from 'zod';
import { errorCodes } from '../errors.ts';
import { jobResultSchema } from './payload.ts';

const outcomeSchema = z.discriminatedUnion('ok', [
  z.object({ ok: z.literal(true), result: jobResultSchema }),
  z.object({
    ok: z.literal(false),
    error: z.object({ code: z.enum(errorCodes), message: z.string(), retryable: z.boolean() }),
  }),
]);

/** How a job ended, as it crosses processes. */
export type Outcome = z.infer<typeof outcomeSchema>;

/**
 * What a handler says: how the job ended, or that the queue shall hand it out again, to this worker or another, because
 * it could not even be tried (say, a durable job while the store is away). It goes back after half a second.
 */
export type HandlerAnswer = Outcome | 'give_back';

export function encodeOutcome(outcome: Outcome): string {
  return JSON.stringify(outcome);
}

/** Throws when the text was not written by `encodeOutcome` of a compatible version. */
export function decodeOutcome(text: string): Outcome {
  return outcomeSchema.parse(JSON.parse(text));
}
