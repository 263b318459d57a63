import { OcrError } from '@glyphmill/core/errors';

/** No such file any more, or something else in its place: a link, a folder, a FIFO. Nothing to be told. */
const goneCodes: ReadonlySet<string> = new Set(['ENOENT', 'ENOTDIR', 'ELOOP', 'ENXIO', 'EISDIR', 'ESTALE']);
const forbiddenCodes: ReadonlySet<string> = new Set(['EACCES', 'EPERM']);

export function errnoOf(error: unknown): string {
  return error instanceof Error && 'code' in error && !(error instanceof OcrError) ? String(error.code) : '';
}

export function isGone(error: unknown): boolean {
  return goneCodes.has(errnoOf(error));
}

export function isForbidden(error: unknown): boolean {
  return forbiddenCodes.has(errnoOf(error));
}
