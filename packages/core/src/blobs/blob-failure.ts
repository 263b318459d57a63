import { OcrError } from '../errors.ts';

const fullCodes: ReadonlySet<string> = new Set(['ENOSPC', 'EDQUOT', 'EFBIG']);

/** Runs something that touches the disk; what goes wrong there names paths, which only `cause` may. */
export async function onDisk<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof OcrError) throw error;
    throw fullCodes.has(codeOf(error))
      ? new OcrError('storage_full', 'There is no room left to store the image', { cause: error })
      : new OcrError('store_unavailable', 'Images cannot be stored or read at the moment', { cause: error });
  }
}

/** Undefined where there is no such file. */
export async function unlessMissing<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

export function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}
