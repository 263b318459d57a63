import { OcrError } from '../../errors.ts';

/** The place of a page's last failure: of jobs and files of the same time, the jobs come first. */
export type FailurePlace =
  | { readonly kind: 'job'; readonly failedAt: number; readonly seq: number }
  | { readonly kind: 'file'; readonly failedAt: number; readonly path: string };

const cursorPattern = /^(?<at>[0-9a-z]{1,10})(?:-(?<seq>[1-9a-z][0-9a-z]{0,9})|\.(?<path>[\w-]{1,16000}))$/;

/** Opaque to users. */
export function encodeFailurePlace(place: FailurePlace): string {
  const at = place.failedAt.toString(36);
  if (place.kind === 'job') return `${at}-${place.seq.toString(36)}`;
  return `${at}.${Buffer.from(place.path).toString('base64url')}`;
}

/** Throws OcrError `invalid_request` for what no page ever gave out. */
export function parseFailurePlace(cursor: string): FailurePlace {
  const { at, seq: seqText, path } = cursorPattern.exec(cursor)?.groups ?? {};
  const failedAt = Number.parseInt(at ?? '', 36);
  if (Number.isSafeInteger(failedAt) && path !== undefined) {
    return { kind: 'file', failedAt, path: Buffer.from(path, 'base64url').toString() };
  }
  const seq = Number.parseInt(seqText ?? '', 36);
  if (Number.isSafeInteger(failedAt) && Number.isSafeInteger(seq)) return { kind: 'job', failedAt, seq };
  throw new OcrError('invalid_request', 'The cursor is not one that a page of failures gave out', {
    violations: [{ pointer: 'cursor', detail: 'Not a cursor' }],
  });
}
