import { createHash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { OcrError } from '../errors.ts';
import type { StoredBlob } from './blob-store.ts';
import { onDisk } from './blob-failure.ts';

/**
 * Writes a stream to a file, chunk by chunk, and says what came. Throws `image_too_large`, the stream's own error, the
 * signal's reason, or what `onDisk` makes of the disk's. The stream is destroyed then.
 */
export async function writeUpload(
  content: Readable,
  file: FileHandle,
  { maxBytes, signal }: { readonly maxBytes: number; readonly signal?: AbortSignal | undefined },
): Promise<StoredBlob> {
  const hash = createHash('sha256');
  let bytes = 0;
  const stop = (): void => void content.destroy(new Error('aborted'));
  signal?.addEventListener('abort', stop, { once: true });
  try {
    signal?.throwIfAborted();
    for await (const chunk of content as AsyncIterable<Uint8Array | string>) {
      const part = typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
      bytes += part.length;
      if (bytes > maxBytes) throw new OcrError('image_too_large', 'The image has more bytes than allowed');
      hash.update(part);
      await onDisk(() => file.writeFile(part));
    }
    signal?.throwIfAborted();
    return { sha256: hash.digest('hex'), bytes };
  } catch (error) {
    content.destroy();
    signal?.throwIfAborted();
    throw error;
  } finally {
    signal?.removeEventListener('abort', stop);
  }
}
