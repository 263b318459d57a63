import { createReadStream } from 'node:fs';
import { access, constants, stat } from 'node:fs/promises';
import { findImageFiles, readImageFile, type ImageFile } from '../image-files.ts';
import { fileError, InputError } from '../input-error.ts';
import type { UploadFile } from './multipart.ts';

/** One image to submit. */
export type SubmitInput =
  | { readonly kind: 'url'; readonly label: string; readonly url: string }
  | {
      readonly kind: 'file';
      /** As the user named it. */
      readonly label: string;
      readonly bytes: number;
      readonly file: UploadFile;
    };

/** A name that stands for no image. */
export interface WrongInput {
  readonly kind: 'wrong';
  readonly label: string;
  readonly error: unknown;
}

/** Of what is no file on a disk and is held in memory, so that it can be sent a second time. */
const maxPipedBytes = 100_000_000;
const maxLabelLength = 200;

export interface InputSurroundings {
  readonly cwd: string;
  readonly stdin: AsyncIterable<Uint8Array>;
}

/** What the arguments name, in their order: URLs as they are, files, and folders as `ocr` walks them. Never throws. */
export async function findSubmitInputs(
  args: readonly string[],
  { cwd, stdin }: InputSurroundings,
): Promise<(SubmitInput | WrongInput)[]> {
  const inputs: (SubmitInput | WrongInput)[] = [];
  for (const arg of args) {
    if (isUrl(arg)) inputs.push({ kind: 'url', label: labelOfUrl(arg), url: arg });
    else for (const file of await findImageFiles([arg], cwd)) inputs.push(await toInput(file, stdin));
  }
  return inputs;
}

/** Of any scheme: the API says which it takes. A file of such a name is meant by `./http:…`. */
export function isUrl(arg: string): boolean {
  return /^(?:[a-z][a-z0-9+.-]*:\/\/|data:)/i.test(arg);
}

/** A data: URL may have megabytes. */
function labelOfUrl(url: string): string {
  return url.length > maxLabelLength ? `${url.slice(0, maxLabelLength)}…` : url;
}

async function toInput(file: ImageFile, stdin: AsyncIterable<Uint8Array>): Promise<SubmitInput | WrongInput> {
  const { label } = file;
  if ('error' in file) return { kind: 'wrong', label, error: file.error };
  const { path } = file;
  try {
    const stats = path === undefined ? undefined : await stat(path);
    if (path === undefined || !stats?.isFile()) {
      const content = await readImageFile(path, { maxBytes: maxPipedBytes, stdin });
      return toFileInput(label, file.name, { bytes: content.length, open: () => once(content) });
    }
    await access(path, constants.R_OK);
    const open = (): AsyncIterable<Uint8Array> => createReadStream(path);
    return toFileInput(label, file.name, { bytes: stats.size, open });
  } catch (error) {
    return { kind: 'wrong', label, error: error instanceof Error && 'syscall' in error ? fileError(error) : error };
  }
}

interface Content {
  readonly bytes: number;
  readonly open: () => AsyncIterable<Uint8Array>;
}

function toFileInput(label: string, name: string, { bytes, open }: Content): SubmitInput {
  // The API says so, too, but only after all the others of a request were sent.
  if (bytes === 0) throw new InputError('file_empty', 'The file is empty');
  return { kind: 'file', label, bytes, file: { name, open } };
}

async function* once(content: Uint8Array): AsyncGenerator<Uint8Array> {
  yield content;
}
