import { OcrError } from '@glyphmill/core/errors';

/**
 * How many bytes of request bodies this process holds at once, all requests together: many large images at the same
 * time must not take its memory. Bytes count from when they arrive, so that a slow sender takes no room that it does not
 * use, and until `release`.
 */
export interface BodyBudget {
  lease(): BodyLease;
}

/** One request's share. */
export interface BodyLease {
  /** Throws `queue_full` where there is no room for that many more; they do not count then. */
  add(bytes: number): void;
  /** Gives everything back; asking again changes nothing. */
  release(): void;
}

export interface BodyBudgetOptions {
  readonly maxBytes: number;
  /** The first bytes of each body count for nothing: a short request gets in whoever sends large ones. */
  readonly freeBytes: number;
}

/** Room comes back as soon as one body has gone to the queue. */
const retryAfterSeconds = 1;

export function createBodyBudget({ maxBytes, freeBytes }: BodyBudgetOptions): BodyBudget {
  let held = 0;
  return {
    lease() {
      let received = 0;
      let charged = 0;
      return {
        add(bytes) {
          const more = Math.max(0, received + bytes - freeBytes) - charged;
          if (held + more > maxBytes) {
            throw new OcrError('queue_full', 'Too many large images are being sent at once', { retryAfterSeconds });
          }
          received += bytes;
          charged += more;
          held += more;
        },
        release() {
          held -= charged;
          charged = 0;
          received = 0;
        },
      };
    },
  };
}
