import { OcrError } from '../errors.ts';

const cursorPattern = /^[1-9a-z][0-9a-z]{0,9}$/;

/** Opaque to users: the place of the page's last job in the order of acceptance. */
export function encodeCursor(seq: number): string {
  return seq.toString(36);
}

/** Throws OcrError `invalid_request` for what no page ever gave out. */
export function parseCursor(cursor: string): number {
  const seq = cursorPattern.test(cursor) ? Number.parseInt(cursor, 36) : Number.NaN;
  if (Number.isSafeInteger(seq)) return seq;
  throw new OcrError('invalid_request', 'The cursor is not one that a page of jobs gave out', {
    violations: [{ pointer: 'cursor', detail: 'Not a cursor' }],
  });
}
