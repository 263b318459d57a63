import { z } from '@hono/zod-openapi';
import { defaultPriority, maxBatchImages, maxPriority } from './submission.ts';

const maxMetadataBytes = 4096;
const maxCallbackUrlLength = 2048;
/** A hundred years: a date that every store can hold. */
const maxDeadlineMs = 100 * 365 * 86_400_000;

export const maxIdempotencyKeyLength = 255;
export const idempotencyKeySchema = z
  .string()
  .regex(/^[\x21-\x7e]{1,255}$/, `Expected 1 to ${maxIdempotencyKeyLength} visible ASCII characters`);

const metadataSchema = z
  .record(z.string(), z.unknown())
  .superRefine((metadata, context) => {
    const fault = metadataFault(metadata);
    if (fault !== undefined) context.addIssue({ code: 'custom', message: fault });
  })
  .openapi({
    type: 'object',
    description: `Yours: given back with the job. ${maxMetadataBytes} bytes of JSON at most`,
    example: { order: 'A-1042' },
  });

/** What a submission says for all its images, or one image for itself. */
export const jobOptionsShape = {
  priority: z
    .int()
    .min(0)
    .max(maxPriority)
    .optional()
    .openapi({ description: `Smaller runs sooner; ${defaultPriority} unless said`, example: 50 }),
  metadata: metadataSchema.optional(),
  callback_url: z
    .string()
    .min(1)
    .max(maxCallbackUrlLength)
    .optional()
    .openapi({ description: "Where the job's end is posted to; needs WEBHOOK_SECRET" }),
  deadline_ms: z
    .int()
    .min(1)
    .max(maxDeadlineMs)
    .optional()
    .openapi({ description: 'A job that has not ended so long after its acceptance fails', example: 3_600_000 }),
};

export const imageRequestSchema = z
  .object({
    image_url: z.string().min(1).openapi({
      description: 'An `http:` or `https:` URL that is fetched when the job runs, or a `data:` URL',
      example: 'https://example.com/gift-card.jpg',
    }),
    ...jobOptionsShape,
    idempotency_key: idempotencyKeySchema
      .optional()
      .openapi({ description: 'The same key and image again: the same job', example: 'order-A-1042-front' }),
  })
  .openapi('JobRequest');
export type ImageRequest = z.infer<typeof imageRequestSchema>;

export const batchRequestSchema = z
  .object({
    images: z.array(imageRequestSchema).min(1).max(maxBatchImages),
    ...jobOptionsShape,
  })
  .openapi('BatchRequest', {
    description: 'What stands beside `images` holds for each image that does not say otherwise',
  });

/** What the caller is told; undefined when the metadata can be kept and given back as it is. */
function metadataFault(metadata: Readonly<Record<string, unknown>>): string | undefined {
  const tooLarge = `Expected at most ${maxMetadataBytes} bytes of JSON`;
  let text: string;
  try {
    text = JSON.stringify(metadata);
  } catch {
    // Nested deeper than the stack.
    return tooLarge;
  }
  if (Buffer.byteLength(text) > maxMetadataBytes) return tooLarge;
  if (isStorable(metadata)) return undefined;
  return 'Expected finite numbers, text without U+0000 and without halves of surrogate pairs, and no __proto__';
}

/** Databases refuse U+0000, and half a character is no text. The depth is bounded by the size. */
function isStorable(value: unknown): boolean {
  if (typeof value === 'string') return !value.includes('\0') && value.isWellFormed();
  if (typeof value === 'number') return Number.isFinite(value);
  if (Array.isArray(value)) return value.every(isStorable);
  if (typeof value !== 'object' || value === null) return true;
  return Object.entries(value).every(([key, member]) => key !== '__proto__' && isStorable(key) && isStorable(member));
}
