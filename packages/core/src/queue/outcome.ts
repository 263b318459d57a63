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

export function encodeOutcome(outcome: Outcome): string {
  return JSON.stringify(outcome);
}

/** Throws when the text was not written by `encodeOutcome` of a compatible version. */
export function decodeOutcome(text: string): Outcome {
  return outcomeSchema.parse(JSON.parse(text));
}
