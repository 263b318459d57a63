import { Readable } from 'node:stream';
import type { BlobStore } from '@glyphmill/core/blobs';
import { OcrError } from '@glyphmill/core/errors';
import type { Logger } from '@glyphmill/core/logging';
import type { StoredPictures } from '@glyphmill/core/store';
import type { PagePictures } from '@glyphmill/ocr/pool';

export interface PictureKeeperOptions {
  readonly blobs: Pick<BlobStore, 'put'>;
  readonly logger: Logger;
  /** What KEEP_IMAGES says. */
  readonly keep: 'preview' | 'none';
  readonly now?: () => number;
  /** Of each page that is drawn and stored without its pictures. */
  readonly onLost?: () => void;
}

/** More than the engine ever gives. */
const maxBytes = 10_000_000;
/** A disk that does not answer must not keep what was read from being stored. */
const putTimeoutMs = 5_000;
/** Where nothing could be put (a full disk, a pod without a folder), engines draw nothing for so long. */
const restMs = 60_000;

/**
 * Puts pictures of pages into the blob store. A page is worth more than its pictures: where they cannot be kept, its text
 * is stored without, and the log says so once, until pictures are kept again.
 */
export class PictureKeeper {
  readonly #options: PictureKeeperOptions;
  readonly #now: () => number;
  #failedAt: number | undefined;

  constructor(options: PictureKeeperOptions) {
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
  }

  /** Whether a page should be drawn: pictures are wanted, and there is hope that they can be kept. */
  get wantsPictures(): boolean {
    if (this.#options.keep === 'none') return false;
    return this.#failedAt === undefined || this.#now() - this.#failedAt >= restMs;
  }

  /** Never rejects; undefined when they could not be kept. */
  async put({ preview, thumbnail }: PagePictures): Promise<StoredPictures | undefined> {
    const { logger } = this.#options;
    try {
      const [large, small] = await Promise.all([this.#putOne(preview), this.#putOne(thumbnail)]);
      if (this.#failedAt !== undefined) logger.info('Pictures of pages are kept again');
      this.#failedAt = undefined;
      return { previewSha256: large, thumbnailSha256: small };
    } catch (error) {
      if (this.#failedAt === undefined) {
        logger.warn({ code: OcrError.from(error).code, reason: reasonOf(error) }, 'Pages are stored without pictures');
      }
      this.#failedAt = this.#now();
      this.#options.onLost?.();
      return undefined;
    }
  }

  async #putOne(picture: Uint8Array): Promise<string> {
    const timeout = Promise.withResolvers<never>();
    const timer = setTimeout(() => {
      timeout.reject(new OcrError('store_unavailable', 'The place of pictures does not answer'));
    }, putTimeoutMs);
    try {
      const { sha256 } = await Promise.race([
        this.#options.blobs.put(Readable.from([picture]), { maxBytes }),
        timeout.promise,
      ]);
      return sha256;
    } finally {
      clearTimeout(timer);
    }
  }
}

/** The system's name of the fault; its message would tell the path. */
function reasonOf(error: unknown): string | undefined {
  const cause = error instanceof OcrError ? error.cause : error;
  return cause instanceof Error && 'code' in cause && typeof cause.code === 'string' ? cause.code : undefined;
}
