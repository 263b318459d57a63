/**
 * What the idempotency keys of jobs begin with that were made of a file of the inbox. With its space it begins no key of a
 * caller of the API.
 */
export const inboxKeyStart = 'inbox ';

/** The idempotency key of the job of these bytes: the same bytes are one job. */
export function inboxKeyOf(sha256: string): string {
  return `${inboxKeyStart}${sha256}`;
}
