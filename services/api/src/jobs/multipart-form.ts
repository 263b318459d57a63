import { Busboy, type BusboyFileStream } from '@fastify/busboy';
import type { BlobStore } from '@glyphmill/core/blobs';
import { OcrError } from '@glyphmill/core/errors';
import { unlessGone } from '../read-json-body.ts';
import { maxBatchImages } from './submission.ts';

/** A file of a form, stored. */
export interface UploadedFile {
  readonly sha256: string;
  readonly bytes: number;
  /** What its sender called it, without folders. */
  readonly name?: string;
}

export interface MultipartForm {
  /** In the order of their parts, whatever the fields are called. */
  readonly files: readonly UploadedFile[];
  /** The first value of each text field. */
  readonly fields: ReadonlyMap<string, string>;
}

export interface MultipartOptions {
  readonly blobs: BlobStore;
  readonly maxImageBytes: number;
  /** Fires when the caller has hung up. */
  readonly signal: AbortSignal;
  /** How often blobs of a form that is still coming are made young again. */
  readonly touchEveryMs?: number;
}

/** A large form may take longer to come than blobs without a job are kept. */
const defaultTouchEveryMs = 600_000;

const maxFields = 64;
/** Metadata is the largest. */
const maxFieldBytes = 8 * 1024;
const maxHeaderBytes = 8 * 1024;
/** Files that are written at the same time; each waits for the disk when it is done. */
const maxWritesAtOnce = 4;
const maxNameLength = 255;

/**
 * Streams each file of a form into the blob store; at most a few pieces of it are in memory at a time. Throws
 * `invalid_request` for what is no proper form, `image_too_large` and `image_unreadable` (empty) with the file that is
 * meant, `canceled` when the caller hung up, and what the blob store throws. Files that were stored before stay there
 * until the blob store is swept.
 */
export async function readMultipartForm(request: Request, options: MultipartOptions): Promise<MultipartForm> {
  const reading = new FormReading(request, options);
  try {
    return await reading.run();
  } catch (error) {
    await reading.abandon();
    throw error;
  }
}

class FormReading {
  readonly #request: Request;
  readonly #options: MultipartOptions;
  readonly #parser: InstanceType<typeof Busboy>;
  readonly #parsed = Promise.withResolvers<void>();
  readonly #files: UploadedFile[] = [];
  readonly #fields = new Map<string, string>();
  readonly #streams = new Set<BusboyFileStream>();
  /** Files that are being written, and those whose turn comes. */
  readonly #running = new Set<Promise<void>>();
  readonly #waiting: (() => Promise<void>)[] = [];
  #touchedAt = performance.now();
  #begun = 0;
  #failure: Error | undefined;
  #onFailure: ((error: Error) => void) | undefined;

  constructor(request: Request, options: MultipartOptions) {
    this.#request = request;
    this.#options = options;
    this.#parser = createParser(request.headers);
    this.#parser
      .on('file', (_field: string, stream: BusboyFileStream, name: string | undefined) => {
        this.#addFile(stream, name);
      })
      .on('field', (field: string, value: string, _nameCut: boolean, valueCut: boolean) => {
        if (valueCut) this.#fail(invalid(`/${field}`, `Expected at most ${maxFieldBytes} bytes`));
        else if (typeof field === 'string' && !this.#fields.has(field)) this.#fields.set(field, value);
      })
      .on('filesLimit', () => {
        this.#fail(invalid('/files', `Expected at most ${maxBatchImages} files`));
      })
      .on('fieldsLimit', () => {
        this.#fail(invalid('', `Expected at most ${maxFields} text fields`));
      })
      .on('error', (error: Error) => {
        this.#fail(malformed(error));
      })
      .on('finish', () => {
        this.#parsed.resolve();
      });
  }

  async run(): Promise<MultipartForm> {
    const reader = this.#request.body?.getReader();
    if (reader === undefined) throw malformed();
    for (;;) {
      // Not canceled when it fails: that would tear down the connection before the answer is out.
      const { done, value } = await this.#step(unlessGone(reader.read()));
      if (done) break;
      await this.#step(this.#write(value));
      // Of many small files a piece holds hundreds: they are written before the next piece is read.
      await this.#untilWritten(maxWritesAtOnce);
      await this.#step(this.#keepBlobs());
    }
    this.#parser.end();
    await this.#step(this.#parsed.promise);
    await this.#untilWritten(0);
    return { files: this.#files, fields: this.#fields };
  }

  async #keepBlobs(): Promise<void> {
    const { blobs, touchEveryMs = defaultTouchEveryMs } = this.#options;
    if (performance.now() - this.#touchedAt < touchEveryMs) return;
    this.#touchedAt = performance.now();
    // Files end in another order than they begin: there may be gaps.
    for (const file of this.#files.filter(Boolean)) {
      if (await blobs.touch(file.sha256)) continue;
      throw new OcrError('store_unavailable', 'An uploaded file was lost; send the form again');
    }
  }

  /** Ends what is still open; the half files are gone afterwards. */
  async abandon(): Promise<void> {
    this.#failure ??= new Error('The form was abandoned');
    this.#waiting.length = 0;
    for (const stream of this.#streams) stream.destroy(this.#failure);
    await Promise.all(this.#running);
  }

  /** A failure anywhere ends the wait for whatever is waited for. */
  #step<T>(work: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#onFailure = reject;
      if (this.#failure !== undefined) reject(this.#failure);
      work.then(resolve, reject);
    });
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    this.#onFailure?.(this.#failure);
  }

  #write(piece: Uint8Array): Promise<void> {
    return new Promise((resolve) => {
      // Errors come as events.
      this.#parser.write(piece, () => {
        resolve();
      });
    });
  }

  #addFile(stream: BusboyFileStream, name: string | undefined): void {
    const index = this.#begun++;
    this.#streams.add(stream);
    // Heard where it is stored; before and after that nobody else listens.
    stream.on('error', () => undefined);
    if (this.#failure !== undefined) {
      stream.resume();
      return;
    }
    this.#waiting.push(() => this.#store(stream, { index, name }));
    this.#startWrites();
  }

  #startWrites(): void {
    while (this.#running.size < maxWritesAtOnce) {
      const next = this.#waiting.shift();
      if (next === undefined) return;
      const write = next().then(() => {
        this.#running.delete(write);
        this.#startWrites();
      });
      this.#running.add(write);
    }
  }

  /** Resolves when so few files are left to be written, the one whose bytes are still coming among them. */
  async #untilWritten(left: number): Promise<void> {
    while (this.#running.size + this.#waiting.length > left) await this.#step(Promise.race(this.#running));
  }

  async #store(stream: BusboyFileStream, file: { index: number; name: string | undefined }): Promise<void> {
    const { blobs, maxImageBytes, signal } = this.#options;
    const name = cleanName(file.name);
    try {
      const stored = await blobs.put(stream, { maxBytes: maxImageBytes, signal });
      if (stored.bytes === 0) throw new OcrError('image_unreadable', 'The image is empty');
      this.#files[file.index] = { ...stored, ...(name !== undefined && { name }) };
    } catch (error) {
      this.#fail(aboutFile(error, file.index, name));
    } finally {
      this.#streams.delete(stream);
    }
  }
}

function createParser(headers: Headers): InstanceType<typeof Busboy> {
  try {
    return new Busboy({
      headers: { 'content-type': headers.get('content-type') ?? '' },
      limits: { files: maxBatchImages, fields: maxFields, fieldSize: maxFieldBytes, headerSize: maxHeaderBytes },
    });
  } catch (error) {
    throw new OcrError('invalid_request', 'The form-data has no boundary', {
      cause: error,
      violations: [{ pointer: 'Content-Type', detail: 'Expected multipart/form-data with a boundary' }],
    });
  }
}

/** Which of the files it was; what is not about a file's bytes stays as it is. */
function aboutFile(error: unknown, index: number, name: string | undefined): Error {
  if (!(error instanceof OcrError)) return malformed(error);
  if (error.code !== 'image_too_large' && error.code !== 'image_unreadable') return error;
  const detail = name === undefined ? error.message : `${JSON.stringify(name)}: ${error.message}`;
  return new OcrError(error.code, detail, { cause: error, violations: [{ pointer: `/files/${index}`, detail }] });
}

/** Without control characters and halves of characters; nothing for a name that is then empty. */
function cleanName(name: string | undefined): string | undefined {
  const cleaned = name
    ?.toWellFormed()
    .replaceAll(/\p{Cc}/gu, '')
    .slice(0, maxNameLength)
    .toWellFormed();
  return cleaned === '' ? undefined : cleaned;
}

function malformed(cause?: unknown): OcrError {
  return new OcrError('invalid_request', 'The form-data is malformed or cut off', {
    cause,
    violations: [{ pointer: '', detail: 'Expected complete multipart/form-data' }],
  });
}

function invalid(pointer: string, detail: string): OcrError {
  return new OcrError('invalid_request', 'The form is not what this endpoint takes', {
    violations: [{ pointer, detail }],
  });
}
