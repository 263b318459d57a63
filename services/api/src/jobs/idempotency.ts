import { createHash } from 'node:crypto';
import { OcrError } from '@glyphmill/core/errors';
import { idempotencyKeySchema, maxIdempotencyKeyLength } from './submission-schema.ts';
import type { Submission, SubmittedImage } from './submission.ts';

export interface Idempotency {
  readonly key: string;
  readonly fingerprint: string;
}

/** The `Idempotency-Key` header; throws `invalid_request` for what is no key. */
export function parseIdempotencyKey(header: string | undefined): string | undefined {
  if (header === undefined || idempotencyKeySchema.safeParse(header).success) return header;
  throw invalidKey(`Expected 1 to ${maxIdempotencyKeyLength} visible ASCII characters`);
}

/**
 * Key and fingerprint of each image, undefined where there is no key. An image's own key stands for the image, wherever
 * it is sent; the header's key stands for the whole request. The first image of a request has the header's key as it
 * is, so that a single and a batch under one key are found to differ. Throws `invalid_request` where the two contradict.
 */
export function idempotencyOf(
  { kind, images }: Submission,
  headerKey: string | undefined,
): readonly (Idempotency | undefined)[] {
  if (kind === 'single') {
    return images.map((image) => {
      const { idempotencyKey } = image;
      if (headerKey !== undefined && idempotencyKey !== undefined && headerKey !== idempotencyKey) {
        throw invalidKey('Expected the same key as idempotency_key in the body, or only one of them');
      }
      const key = headerKey ?? idempotencyKey;
      return key === undefined ? undefined : { key, fingerprint: fingerprintOf(canonicalImage(image)) };
    });
  }
  if (headerKey === undefined) {
    return images.map((image) => {
      const { idempotencyKey: key } = image;
      return key === undefined ? undefined : { key, fingerprint: fingerprintOf(canonicalImage(image)) };
    });
  }
  if (images.some(({ idempotencyKey }) => idempotencyKey !== undefined)) {
    throw invalidKey('Expected either a key for the whole request or keys of its images');
  }
  const fingerprint = fingerprintOf(images.map(canonicalImage));
  return images.map((_, index) => ({ key: keyInRequest(headerKey, index), fingerprint }));
}

/** The keys alone, of images whose own keys are given. */
export function keysOf(
  ownKeys: readonly (string | undefined)[],
  headerKey: string | undefined,
): readonly (string | undefined)[] {
  return ownKeys.map((own, index) => own ?? (headerKey === undefined ? undefined : keyInRequest(headerKey, index)));
}

/** A space stands in no key that a caller can send. */
function keyInRequest(headerKey: string, index: number): string {
  return index === 0 ? headerKey : `${headerKey} ${index}`;
}

/** What makes two images the same request: an upload counts by its bytes, however they came. */
function canonicalImage({ source, priority, metadata, callbackUrl, deadlineMs }: SubmittedImage): unknown {
  const image = source.kind === 'url' ? { url: source.url } : { sha256: source.sha256, name: source.name };
  return { ...image, priority, metadata, callbackUrl, deadlineMs };
}

function fingerprintOf(value: unknown): string {
  return createHash('sha256').update(canonicalJson(value)).digest('hex');
}

/** The order of an object's keys means nothing in JSON. */
function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_, member: unknown) => {
    if (typeof member !== 'object' || member === null || Array.isArray(member)) return member;
    return Object.fromEntries(Object.entries(member).toSorted(([a], [b]) => (a < b ? -1 : 1)));
  });
}

function invalidKey(detail: string): OcrError {
  return new OcrError('invalid_request', 'The idempotency key is not acceptable', {
    violations: [{ pointer: 'Idempotency-Key', detail }],
  });
}
