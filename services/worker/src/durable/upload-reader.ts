import type { BlobStore } from '@glyphmill/core/blobs';
import { OcrError } from '@glyphmill/core/errors';
import type { Logger } from '@glyphmill/core/logging';
import type { StorePatience } from './store-patience.ts';

export interface UploadReaderOptions {
  readonly blobs: Pick<BlobStore, 'size' | 'read' | 'check'>;
  /** Of the place of uploads, not of the store: one may be away without the other. */
  readonly patience: StorePatience;
  readonly logger: Logger;
}

/** The place is there, but not this one file: to be repeated a few times, not for ever. */
class UnreadableUpload extends Error {
  override readonly name = 'UnreadableUpload';
  readonly failure: unknown;

  constructor(failure: unknown) {
    super('An upload cannot be read', { cause: failure });
    this.failure = failure;
  }
}

/**
 * Gets uploads from where they are kept. While that place is away it is waited for; one file that cannot be read (a bad
 * sector, a restore under another user) ends its own job after a few tries, and holds up no other.
 */
export class UploadReader {
  readonly #options: UploadReaderOptions;

  constructor(options: UploadReaderOptions) {
    this.#options = options;
  }

  /** Undefined when there is no such upload. */
  size(sha256: string, signal: AbortSignal): Promise<number | undefined> {
    return this.#call({ sha256, signal, work: () => this.#options.blobs.size(sha256) });
  }

  read(sha256: string, signal: AbortSignal): Promise<Uint8Array | undefined> {
    return this.#call({ sha256, signal, work: () => this.#options.blobs.read(sha256) });
  }

  async #call<T>(call: {
    readonly sha256: string;
    readonly signal: AbortSignal;
    readonly work: () => Promise<T>;
  }): Promise<T> {
    const { patience, logger } = this.#options;
    const work = async (): Promise<T> => {
      try {
        return await call.work();
      } catch (error) {
        throw (await this.#isPlaceAway()) ? error : new UnreadableUpload(error);
      }
    };
    try {
      return await patience.call('blob', work, call.signal);
    } catch (error) {
      if (!(error instanceof UnreadableUpload)) throw error;
      logger.warn({ sha256: call.sha256, reason: reasonOf(error.failure) }, 'An upload cannot be read');
      throw error.failure;
    }
  }

  /** A place that has no room for another upload can be read. */
  async #isPlaceAway(): Promise<boolean> {
    try {
      await this.#options.blobs.check();
      return false;
    } catch (error) {
      return OcrError.from(error).code !== 'storage_full';
    }
  }
}

/** The system's name of the fault; its message would tell the path. */
function reasonOf(failure: unknown): string | undefined {
  const cause = failure instanceof OcrError ? failure.cause : failure;
  return cause instanceof Error && 'code' in cause && typeof cause.code === 'string' ? cause.code : undefined;
}
