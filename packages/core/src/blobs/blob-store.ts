import type { Readable } from 'node:stream';

export interface StoredBlob {
  /** Lower-case hex; the blob's address. */
  readonly sha256: string;
  readonly bytes: number;
}

/**
 * Bytes by their content address. Throws OcrError `store_unavailable` or `storage_full` where the place itself fails.
 */
export interface BlobStore {
  /**
   * Stores what the stream gives, durable on return; the same bytes twice are one blob. Never holds the whole. Throws
   * `image_too_large` beyond `maxBytes`, and with the stream's own error or the signal's reason; nothing stays then.
   */
  put(content: Readable, options: { readonly maxBytes: number; readonly signal?: AbortSignal }): Promise<StoredBlob>;
  /** Undefined when there is no such blob. */
  size(sha256: string): Promise<number | undefined>;
  /** Makes the blob as young as if it had just been put; false when there is none. */
  touch(sha256: string): Promise<boolean>;
  /** The whole blob; undefined when there is none. */
  read(sha256: string): Promise<Uint8Array | undefined>;
  /**
   * Deletes blobs older than `minAgeMs` that `inUse` does not name, and leftovers of broken uploads. The age keeps blobs
   * whose job is being accepted right now. Returns how many blobs went.
   */
  sweep(options: {
    readonly minAgeMs: number;
    readonly inUse: (sha256s: readonly string[]) => Promise<ReadonlySet<string>>;
  }): Promise<number>;
  /** Throws when nothing can be written. */
  check(): Promise<void>;
}

/** What a service may do that only shows blobs. */
export type BlobReader = Pick<BlobStore, 'read' | 'size'>;
