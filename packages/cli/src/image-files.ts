import { createReadStream } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { EngineError } from '@glyphmill/ocr/pool';
import { InputError, fileError } from './input-error.ts';

/** One thing to read, or one that cannot be. */
export type ImageFile =
  | {
      /** The name as the user wrote it, or found below a folder that the user wrote. `-` is standard input. */
      readonly label: string;
      /** Relative to the folder that was given, else the base name. */
      readonly name: string;
      /** Absolute; undefined: standard input. */
      readonly path: string | undefined;
    }
  | { readonly label: string; readonly error: InputError };

const imageExtensions: ReadonlySet<string> = new Set(
  'jpg jpeg jpe jfif png webp tif tiff gif avif'.split(' ').map((extension) => `.${extension}`),
);

/** All images that the inputs name, in their order; folders are walked and sorted. Never throws. */
export async function findImageFiles(inputs: readonly string[], cwd: string): Promise<ImageFile[]> {
  const files: ImageFile[] = [];
  for (const input of inputs) files.push(...(await expand(input, cwd)));
  return files;
}

async function expand(input: string, cwd: string): Promise<ImageFile[]> {
  if (input === '-') return [{ label: '-', name: 'stdin', path: undefined }];
  const absolute = path.resolve(cwd, input);
  try {
    if (!(await stat(absolute)).isDirectory()) {
      return [{ label: input, name: path.basename(absolute), path: absolute }];
    }
    const found = await walk(absolute);
    if (found.length === 0) throw new InputError('no_images', 'No images in this folder');
    return found.map((name) => ({ label: path.join(input, name), name, path: path.join(absolute, name) }));
  } catch (error) {
    return [{ label: input, error: error instanceof InputError ? error : fileError(error) }];
  }
}

/**
 * Images below a folder, relative to it. Hidden entries are skipped, and so are links: one that points inside would be
 * read twice, one that points outside is not part of the folder, and either may run in a circle.
 */
async function walk(root: string): Promise<string[]> {
  const found: string[] = [];
  const folders = [''];
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    for (const entry of await readdir(path.join(root, folder), { withFileTypes: true })) {
      if (entry.name.startsWith('.')) continue;
      const name = path.join(folder, entry.name);
      if (entry.isDirectory()) folders.push(name);
      else if (entry.isFile() && imageExtensions.has(path.extname(name).toLowerCase())) found.push(name);
    }
  }
  return found.toSorted(compareNames);
}

/** Numbers by value (`page2` before `page10`), the same on every machine whatever its language. */
const { compare: compareNames } = new Intl.Collator('en', { numeric: true });

/**
 * The whole content of a file, a pipe or standard input (`undefined`), but never more than `maxBytes`: a device or a
 * huge file must not fill the memory. Throws `EngineError` image_too_large and `InputError`.
 */
export async function readImageFile(
  file: string | undefined,
  { maxBytes, stdin }: { readonly maxBytes: number; readonly stdin: AsyncIterable<Uint8Array> },
): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    for await (const chunk of file === undefined ? stdin : (createReadStream(file) as AsyncIterable<Uint8Array>)) {
      size += chunk.length;
      if (size > maxBytes) throw new EngineError('image_too_large', `The image has more than ${maxBytes} bytes`);
      chunks.push(chunk);
    }
  } catch (error) {
    throw error instanceof EngineError ? error : fileError(error);
  }
  return Buffer.concat(chunks);
}
