import type { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createBrotliDecompress, createGunzip, createInflate, createZstdDecompress } from 'node:zlib';
import { downloadFailed, tooLarge } from './fetch-error.ts';

/**
 * We ask for `identity`, but some stores hold images compressed and send them so to everybody. Their output is counted
 * as it comes, so that a bomb costs no more than an image of the largest size.
 */
const decoders: Readonly<Record<string, () => Transform>> = {
  gzip: () => createGunzip(),
  'x-gzip': () => createGunzip(),
  deflate: () => createInflate(),
  br: () => createBrotliDecompress(),
  zstd: () => createZstdDecompress(),
};

export interface BodyOptions {
  readonly contentLength: number | undefined;
  /** The header's value. */
  readonly contentEncoding: string | undefined;
  readonly maxBytes: number;
  /** Waits until so many bytes may be held in memory. */
  reserve(bytes: number): Promise<void>;
  readonly signal: AbortSignal;
}

/**
 * Reads a whole response body. Throws OcrError `image_too_large` as soon as it is known to be, before the rest is read,
 * and `download_failed` for an encoding that nobody asked for and we do not know.
 */
export async function readBody(body: Readable, options: BodyOptions): Promise<Uint8Array> {
  const { contentLength, maxBytes, signal } = options;
  const encoding = (options.contentEncoding ?? 'identity').trim().toLowerCase();
  if (contentLength !== undefined && contentLength > maxBytes) throw tooLarge();
  if (encoding === 'identity' || encoding === '') {
    await options.reserve(contentLength ?? maxBytes);
    const collector = createCollector(maxBytes, contentLength);
    await pipeline(body, collector.collect, { signal });
    return collector.bytes();
  }
  const createDecoder = Object.hasOwn(decoders, encoding) ? decoders[encoding] : undefined;
  if (createDecoder === undefined) {
    throw downloadFailed('the server sent the image in an unknown content-encoding', { retryable: false });
  }
  await options.reserve(maxBytes);
  const collector = createCollector(maxBytes, undefined);
  await pipeline(body, createDecoder(), collector.collect, { signal });
  return collector.bytes();
}

/** Where the size is known the bytes go straight to their place: 20 MB are not held twice. */
function createCollector(maxBytes: number, expectedBytes: number | undefined) {
  const whole = expectedBytes === undefined ? undefined : Buffer.allocUnsafeSlow(expectedBytes);
  const chunks: Uint8Array[] = [];
  let received = 0;
  return {
    collect: async (source: AsyncIterable<Uint8Array>): Promise<void> => {
      for await (const chunk of source) {
        if (received + chunk.length > (expectedBytes ?? maxBytes)) throw tooLarge();
        if (whole === undefined) chunks.push(chunk);
        else whole.set(chunk, received);
        received += chunk.length;
      }
      if (expectedBytes !== undefined && received < expectedBytes) {
        throw downloadFailed('the connection broke before the image was complete');
      }
    },
    bytes: (): Uint8Array => whole ?? Buffer.concat(chunks, received),
  };
}
