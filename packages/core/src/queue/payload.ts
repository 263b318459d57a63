import { z } from 'zod';

/**
 * Two queues, so that neither starves the other: `interactive` for callers who wait for the answer, `bulk` for the rest.
 */
export const lanes = ['interactive', 'bulk'] as const;
export type Lane = (typeof lanes)[number];

/** Where the bytes of the image come from. */
const sourceSchema = z.discriminatedUnion('kind', [
  /** The worker downloads it, guarded against addresses that users must not reach. */
  z.object({ kind: z.literal('url'), url: z.string() }),
  /** The bytes wait in Redis under the job's input key (see keys.ts) and are deleted with the job. */
  z.object({ kind: z.literal('data') }),
  /** A stored blob, by its content address. */
  z.object({ kind: z.literal('blob'), sha256: z.string().regex(/^[0-9a-f]{64}$/) }),
]);
export type ImageSource = z.infer<typeof sourceSchema>;

/**
 * What a queue job carries. `version` goes up when an old worker could no longer read a new payload; a worker refuses
 * versions that it does not know, so that API and workers may be rolled out in any order.
 */
export const jobPayloadSchema = z.object({
  version: z.literal(1),
  /** The job's public id (UUID v7); the BullMQ job id is `<id>-<generation>`. */
  id: z.uuid(),
  /** 0 for the first time that a job is sent, one more for each replay: BullMQ silently ignores an id it has seen. */
  generation: z.int().min(0),
  /** Ephemeral jobs leave nothing on any disk; durable ones are rows in the store. */
  kind: z.enum(['ephemeral', 'durable']),
  source: sourceSchema,
  /** Milliseconds since the epoch. */
  enqueuedAt: z.int(),
  /** After this moment nobody wants the answer (milliseconds since the epoch); absent: no limit. */
  deadlineAt: z.int().optional(),
  requestId: z.string().optional(),
  /** The span that sent it, as W3C writes it: what is done with the job belongs to its trace. */
  traceparent: z.string().optional(),
});
export type JobPayload = z.infer<typeof jobPayloadSchema>;

const pointSchema = z.tuple([z.int(), z.int()]);

/** The answer to a job: lines in reading order. */
export const jobResultSchema = z.object({
  width: z.int(),
  height: z.int(),
  model: z.string(),
  lines: z.array(
    z.object({
      text: z.string(),
      /** 0..1 */
      confidence: z.number(),
      /** Clockwise from the line's top-left corner, in pixels of the upright image. */
      box: z.tuple([pointSchema, pointSchema, pointSchema, pointSchema]),
    }),
  ),
  /** Milliseconds a stage. */
  timings: z.record(z.string(), z.number()),
});
export type JobResult = z.infer<typeof jobResultSchema>;
