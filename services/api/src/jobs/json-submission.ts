import { Readable } from 'node:stream';
import type { BlobStore } from '@glyphmill/core/blobs';
import { OcrError } from '@glyphmill/core/errors';
import type { JobSource } from '@glyphmill/core/store';
import type { BodyBudget, BodyLease } from '../body-budget.ts';
import { parseImageUrl, type RequestedImage } from '../image-url.ts';
import { maxBodyBytes, parseBody, readJson } from '../read-json-body.ts';
import { type CallbackPolicy, callbackUrlFault } from './callback-url.ts';
import { batchRequestSchema, type ImageRequest, imageRequestSchema } from './submission-schema.ts';
import { defaultPriority, refuse, type Refusal, type Submission, type SubmittedImage } from './submission.ts';

export interface SubmissionOptions {
  readonly blobs: BlobStore;
  readonly maxImageBytes: number;
  readonly callbacks: CallbackPolicy;
  /** Throws when there is no room for images with such keys of their own; asked before their bytes are stored. */
  readonly checkRoom: (ownKeys: readonly (string | undefined)[]) => Promise<void>;
  /** Fires when the caller has hung up. */
  readonly signal: AbortSignal;
}

/** Room for a batch of the largest size whose images have URLs of usual length, some metadata and keys. */
const minBatchBodyBytes = 4 * 1024 * 1024;

/** Each waits for the disk when it is done. */
const maxWritesAtOnce = 4;

/** Longer ones would be kept for nothing: hardly any server takes them. */
const maxUrlLength = 8_192;

/** How large a submission in JSON may be. */
export function maxSubmissionBytes(maxImageBytes: number): number {
  return Math.max(maxBodyBytes(maxImageBytes), minBatchBodyBytes);
}

/**
 * A submission in JSON. Nothing is stored before all of it was checked. Throws `invalid_request`, what `parseImageUrl`
 * throws for any of the images, and what `readJson`, `checkRoom` and the blob store throw.
 */
export async function readJsonSubmission(
  request: Request,
  { budget, ...options }: SubmissionOptions & { readonly budget: BodyBudget },
): Promise<Submission> {
  const lease = budget.lease();
  try {
    const { kind, images } = parseRequest(await readBody(request, { ...options, lease }));
    const requested = checkImages({ kind, images }, options);
    await options.checkRoom(images.map((image) => image.idempotency_key));
    const sources = await storeSources(requested, options);
    const submitted = images.map((image, index): SubmittedImage => {
      const source = sources[index];
      if (source === undefined) throw new Error('Every image has a source');
      return {
        source,
        priority: image.priority ?? defaultPriority,
        metadata: image.metadata,
        callbackUrl: image.callback_url,
        deadlineMs: image.deadline_ms,
        idempotencyKey: image.idempotency_key,
      };
    });
    return { kind, images: submitted };
  } finally {
    lease.release();
  }
}

function readBody(
  request: Request,
  { maxImageBytes, lease }: { readonly maxImageBytes: number; readonly lease: BodyLease },
): Promise<unknown> {
  return readJson(request, { maxBytes: maxSubmissionBytes(maxImageBytes), lease });
}

interface ParsedRequest {
  readonly kind: Submission['kind'];
  readonly images: readonly ImageRequest[];
}

/** Which of the two shapes is meant is seen at `images`, so that faults are named for that shape alone. */
function parseRequest(body: unknown): ParsedRequest {
  if (typeof body !== 'object' || body === null || !Object.hasOwn(body, 'images')) {
    return { kind: 'single', images: [parseBody(imageRequestSchema, body)] };
  }
  if (Object.hasOwn(body, 'image_url')) {
    throw new OcrError('invalid_request', 'The body has both image_url and images', {
      violations: [{ pointer: '/image_url', detail: 'Expected either image_url or images' }],
    });
  }
  const { images, ...defaults } = parseBody(batchRequestSchema, body);
  return { kind: 'batch', images: images.map((image) => ({ ...defaults, ...image })) };
}

function checkImages(
  { kind, images }: ParsedRequest,
  { maxImageBytes, callbacks }: Pick<SubmissionOptions, 'maxImageBytes' | 'callbacks'>,
): readonly RequestedImage[] {
  const refusals: Refusal[] = [];
  const requested: RequestedImage[] = [];
  const firstWithKey = new Map<string, number>();
  for (const [index, image] of images.entries()) {
    const at = kind === 'single' ? '' : `/images/${index}`;
    try {
      const parsed = parseImageUrl(image.image_url, { maxImageBytes });
      requested.push(parsed);
      if (parsed.source.kind === 'url' && parsed.source.url.length > maxUrlLength) {
        const detail = `Expected a URL of at most ${maxUrlLength} characters`;
        refusals.push({ code: 'url_not_allowed', pointer: `${at}/image_url`, detail });
      }
    } catch (error) {
      if (!(error instanceof OcrError)) throw error;
      const detail = error.violations[0]?.detail ?? error.message;
      refusals.push({ code: error.code, pointer: `${at}/image_url`, detail });
    }
    const callbackFault =
      image.callback_url === undefined ? undefined : callbackUrlFault(image.callback_url, callbacks);
    if (callbackFault !== undefined) {
      refusals.push({ code: 'invalid_request', pointer: `${at}/callback_url`, detail: callbackFault });
    }
    const key = image.idempotency_key;
    if (key === undefined) continue;
    const first = firstWithKey.get(key);
    if (first === undefined) firstWithKey.set(key, index);
    else {
      const detail = `Image ${first} of this batch has the same key`;
      refusals.push({ code: 'invalid_request', pointer: `${at}/idempotency_key`, detail });
    }
  }
  refuse(refusals);
  return requested;
}

/** In the order of the images; of those that brought their bytes a few are written at a time. */
async function storeSources(requested: readonly RequestedImage[], options: SubmissionOptions): Promise<JobSource[]> {
  const sources: JobSource[] = [];
  const left = requested.entries();
  let failed = false;
  const write = async () => {
    for (const [index, image] of left) {
      if (failed) return;
      try {
        sources[index] = await storeSource(image, options);
      } catch (error) {
        failed = true;
        throw error;
      }
    }
  };
  // All of them have ended when this does: nothing is written after the answer.
  const writers = await Promise.allSettled(Array.from({ length: maxWritesAtOnce }, write));
  for (const writer of writers) if (writer.status === 'rejected') throw OcrError.from(writer.reason);
  return sources;
}

async function storeSource(
  { source, input }: RequestedImage,
  { blobs, maxImageBytes, signal }: SubmissionOptions,
): Promise<JobSource> {
  if (source.kind === 'url') return source;
  if (input === undefined) throw new Error('A data: URL has bytes');
  const stored = await blobs.put(Readable.from([input], { objectMode: false }), { maxBytes: maxImageBytes, signal });
  return { kind: 'blob', ...stored };
}
