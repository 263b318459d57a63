import { OcrError, type ErrorCode } from '@glyphmill/core/errors';
import type { JobSource, JsonObject } from '@glyphmill/core/store';

/** One image of a submission, checked and with the defaults of its batch; its bytes are in the blob store already. */
export interface SubmittedImage {
  readonly source: JobSource;
  /** 0..1000, smaller runs sooner. */
  readonly priority: number;
  readonly metadata?: JsonObject | undefined;
  readonly callbackUrl?: string | undefined;
  readonly deadlineMs?: number | undefined;
  readonly idempotencyKey?: string | undefined;
}

/** What a `POST /jobs` asks for, whether it came as JSON or as form-data. Accepted whole or refused whole. */
export interface Submission {
  /** A batch is answered as one, even with one image. */
  readonly kind: 'single' | 'batch';
  readonly images: readonly SubmittedImage[];
}

export const maxBatchImages = 1000;
export const defaultPriority = 100;
export const maxPriority = 1000;

/** One thing for which a submission is refused. */
export interface Refusal {
  readonly code: ErrorCode;
  readonly pointer: string;
  readonly detail: string;
}

/** Who sent a thousand wrong images need not be told a thousand times. */
const maxViolations = 100;

/** Throws unless the list is empty: with the code that all refusals share, else `invalid_request`. */
export function refuse(refusals: readonly Refusal[]): void {
  const [first] = refusals;
  if (first === undefined) return;
  const code = refusals.every((refusal) => refusal.code === first.code) ? first.code : 'invalid_request';
  const message = refusals.length === 1 ? first.detail : `${refusals.length} things are wrong with the images`;
  throw new OcrError(code, message, {
    violations: refusals.slice(0, maxViolations).map(({ pointer, detail }) => ({ pointer, detail })),
  });
}
