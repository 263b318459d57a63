import { randomUUID } from 'node:crypto';

export interface UploadFile {
  readonly name: string;
  /** Its bytes, from the start each time. */
  readonly open: () => AsyncIterable<Uint8Array>;
}

/** A file could not be read while it was sent. */
export class UploadError extends Error {
  override readonly name = 'UploadError';
  /** Place among the files of the form, from 0. */
  readonly index: number;

  constructor(index: number, cause: unknown) {
    super('A file cannot be read', { cause });
    this.index = index;
  }
}

export interface MultipartForm {
  readonly contentType: string;
  /** The body; can be taken again for another try. Throws `UploadError`. */
  readonly encode: () => AsyncGenerator<Uint8Array>;
}

/**
 * Form-data (RFC 7578) whose files are read while they are sent. Node's own FormData reads files, too, but one that is
 * cut short meanwhile ends the whole process.
 */
export function createMultipartForm(
  fields: Readonly<Record<string, string>>,
  files: readonly UploadFile[],
): MultipartForm {
  const boundary = `glyphmill-${randomUUID()}`;
  const header = (disposition: string, more = '') =>
    Buffer.from(`--${boundary}\r\nContent-Disposition: form-data; ${disposition}\r\n${more}\r\n`);
  return {
    contentType: `multipart/form-data; boundary=${boundary}`,
    async *encode() {
      for (const [name, value] of Object.entries(fields)) {
        yield Buffer.concat([header(`name="${escapeName(name)}"`), Buffer.from(`${value}\r\n`)]);
      }
      for (const [index, file] of files.entries()) {
        const disposition = `name="files"; filename="${escapeName(file.name)}"`;
        yield header(disposition, 'Content-Type: application/octet-stream\r\n');
        yield* chunksOf(file, index);
        yield Buffer.from('\r\n');
      }
      yield Buffer.from(`--${boundary}--\r\n`);
    },
  };
}

async function* chunksOf(file: UploadFile, index: number): AsyncGenerator<Uint8Array> {
  try {
    yield* file.open();
  } catch (error) {
    throw new UploadError(index, error);
  }
}

/** As browsers do it. */
function escapeName(name: string): string {
  return name.toWellFormed().replaceAll('"', '%22').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
}
