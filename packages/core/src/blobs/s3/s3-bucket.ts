import type * as sdkModule from '@aws-sdk/client-s3';
import type { S3Client, S3ClientConfig } from '@aws-sdk/client-s3';
import type { FileHandle } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { isPassing, S3Failure, s3FailureOf, toOcrError } from './s3-failure.ts';
import type { S3Place } from './s3-place.ts';

export interface StoredObject {
  readonly key: string;
  readonly bytes: number;
}

export interface FileToPut {
  readonly file: FileHandle;
  readonly bytes: number;
  /** Lower-case hex; the server refuses other bytes. */
  readonly sha256: string;
  readonly signal?: AbortSignal | undefined;
}

const maxAttempts = 3;
const firstPauseMs = 100;
/** How long what may take. Whoever uploads, or a worker with a page to store, waits for it. */
const usualTiming = {
  connectMs: 2_000,
  /** Until an answer begins, where no upload comes before it. */
  answerMs: 5_000,
  /** Without a single byte. */
  silenceMs: 10_000,
  /** A request that carries no blob, with all its attempts. */
  requestMs: 10_000,
  /** Far below the hour that a key stands for, and enough for the largest images over a slow line. */
  transferMs: 60_000,
};
export type S3Timing = typeof usualTiming;
const pieceBytes = 256 * 1024;

type Sdk = typeof sdkModule;

/**
 * The few requests that a blob store makes, and their failures in our words: OcrError `store_unavailable` or
 * `storage_full` with an S3Failure as its cause, or the signal's reason. A bucket that is missing is a failure, a key that
 * is missing is none. What fails for the moment is tried again, but not what hangs: others wait already.
 */
export class S3Bucket {
  readonly #place: S3Place;
  readonly #timing: S3Timing;
  #connection: Promise<{ sdk: Sdk; client: S3Client }> | undefined;

  constructor(place: S3Place, { timing }: { readonly timing?: Partial<S3Timing> | undefined } = {}) {
    this.#place = place;
    this.#timing = { ...usualTiming, ...timing };
  }

  /** Rewinds the file for each try, so that it never has to be in memory. */
  async put(key: string, { file, bytes, sha256, signal }: FileToPut): Promise<void> {
    const { transferMs: requestTimeout } = this.#timing;
    await this.#call(signal, async ({ sdk, client, Bucket }) => {
      const unreadable = new AbortController();
      const abortSignal = AbortSignal.any([
        AbortSignal.timeout(requestTimeout),
        unreadable.signal,
        ...(signal === undefined ? [] : [signal]),
      ]);
      for (let attempt = 1; ; attempt += 1) {
        const body = Readable.from(piecesOf(file));
        // The client looks at the stream's bytes only: its error would end the process.
        body.on('error', () => {
          unreadable.abort();
        });
        try {
          const command = new sdk.PutObjectCommand({
            Bucket,
            Key: key,
            Body: body,
            ContentLength: bytes,
            ChecksumSHA256: Buffer.from(sha256, 'hex').toString('base64'),
          });
          await client.send(command, { abortSignal, requestTimeout });
          return;
        } catch (error) {
          if (attempt === maxAttempts || abortSignal.aborted || !isPassing(s3FailureOf(error))) throw error;
        } finally {
          body.destroy();
        }
        await delay(firstPauseMs * 2 ** (attempt - 1) * (1 + Math.random()));
      }
    });
  }

  /** For a few bytes that nobody reads. */
  async putText(key: string, text: string): Promise<void> {
    await this.#call(undefined, async ({ sdk, client, Bucket }) => {
      await client.send(new sdk.PutObjectCommand({ Bucket, Key: key, Body: text }), this.#soon());
    });
  }

  /** Undefined when there is no such key. */
  async get(key: string): Promise<Uint8Array | undefined> {
    return this.#call(undefined, async ({ sdk, client, Bucket }) => {
      const command = new sdk.GetObjectCommand({ Bucket, Key: key });
      const abortSignal = AbortSignal.timeout(this.#timing.transferMs);
      const found = await unlessMissing(client.send(command, { abortSignal }));
      if (found === undefined) return undefined;
      return readWhole(found.Body as AsyncIterable<Uint8Array>, found.ContentLength);
    });
  }

  /** Undefined when there is no such key, or no such bucket: an answer without a body does not say which. */
  async size(key: string): Promise<number | undefined> {
    return this.#call(undefined, async ({ sdk, client, Bucket }) => {
      const found = await unlessMissing(client.send(new sdk.HeadObjectCommand({ Bucket, Key: key }), this.#soon()));
      return found?.ContentLength;
    });
  }

  /** In alphabetical order, a thousand in memory. */
  async *list(prefix: string): AsyncGenerator<StoredObject> {
    let token: string | undefined;
    do {
      const ContinuationToken = token;
      const page = await this.#call(undefined, ({ sdk, client, Bucket }) =>
        client.send(new sdk.ListObjectsV2Command({ Bucket, Prefix: prefix, ContinuationToken }), this.#soon()),
      );
      for (const { Key, Size } of page.Contents ?? []) {
        if (Key !== undefined) yield { key: Key, bytes: Size ?? 0 };
      }
      token = page.IsTruncated === true ? page.NextContinuationToken : undefined;
    } while (token !== undefined);
  }

  /** False when there is nothing to copy. */
  async copy(from: string, to: string): Promise<boolean> {
    return this.#call(undefined, async ({ sdk, client, Bucket }) => {
      const command = new sdk.CopyObjectCommand({ Bucket, Key: to, CopySource: `${Bucket}/${from}` });
      return (await unlessMissing(client.send(command, this.#soon()))) !== undefined;
    });
  }

  /** A key that is gone is fine. */
  async delete(key: string): Promise<void> {
    await this.#call(undefined, async ({ sdk, client, Bucket }) => {
      await client.send(new sdk.DeleteObjectCommand({ Bucket, Key: key }), this.#soon());
    });
  }

  #soon(): { readonly abortSignal: AbortSignal } {
    return { abortSignal: AbortSignal.timeout(this.#timing.requestMs) };
  }

  async #call<T>(
    signal: AbortSignal | undefined,
    work: (connected: { sdk: Sdk; client: S3Client; Bucket: string }) => Promise<T>,
  ): Promise<T> {
    try {
      signal?.throwIfAborted();
      this.#connection ??= connect(this.#place, this.#timing);
      return await work({ ...(await this.#connection), Bucket: this.#place.bucket });
    } catch (error) {
      signal?.throwIfAborted();
      throw toOcrError(error);
    }
  }
}

/** The client is large (25 MB), so that only those load it who use it. */
async function connect(
  { region, endpoint, credentials }: S3Place,
  { connectMs, answerMs, silenceMs }: S3Timing,
): Promise<{ sdk: Sdk; client: S3Client }> {
  const sdk = await import('@aws-sdk/client-s3');
  const config: S3ClientConfig = {
    region,
    maxAttempts,
    // It would tell the console of each upload that failed.
    logger: silence,
    // Names of buckets are no names of hosts but with Amazon and the like.
    forcePathStyle: endpoint !== undefined,
    // Newer checksums are unknown to many a server; uploads bring one that all know or pass over.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    // It would take a new connection for each larger upload.
    expectContinueHeader: false,
    requestHandler: {
      connectionTimeout: connectMs,
      requestTimeout: answerMs,
      throwOnRequestTimeout: true,
      socketTimeout: silenceMs,
    },
    ...(endpoint !== undefined && { endpoint }),
    ...(credentials !== undefined && { credentials }),
  };
  return { sdk, client: new sdk.S3Client(config) };
}

const nothing = (): void => undefined;
const silence = { trace: nothing, debug: nothing, info: nothing, warn: nothing, error: nothing };

/** A stream of the file's own would close it at its end, and it may be wanted once more. */
async function* piecesOf(file: FileHandle): AsyncGenerator<Uint8Array> {
  for (let position = 0; ;) {
    const { buffer, bytesRead } = await file.read(Buffer.allocUnsafe(pieceBytes), 0, pieceBytes, position);
    if (bytesRead === 0) return;
    position += bytesRead;
    yield buffer.subarray(0, bytesRead);
  }
}

/** Undefined where there is no such key. */
async function unlessMissing<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    const { code } = s3FailureOf(error);
    if (code === 'NoSuchKey' || code === 'NotFound') return undefined;
    throw error;
  }
}

/** Into one piece of memory; the server has said how large it is to be. */
async function readWhole(body: AsyncIterable<Uint8Array>, bytes = 0): Promise<Uint8Array> {
  const whole = Buffer.allocUnsafeSlow(bytes);
  let filled = 0;
  for await (const piece of body) {
    if (filled + piece.length > bytes) throw new S3Failure('LongerThanTold');
    whole.set(piece, filled);
    filled += piece.length;
  }
  if (filled !== bytes) throw new S3Failure('IncompleteBody');
  return whole;
}
