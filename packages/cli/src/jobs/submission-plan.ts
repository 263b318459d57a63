import type { SubmitInput } from './submit-inputs.ts';

/** Images of one kind that are sent together. */
export type PlannedRequest =
  | { readonly kind: 'urls'; readonly inputs: readonly Extract<SubmitInput, { kind: 'url' }>[] }
  | { readonly kind: 'files'; readonly inputs: readonly Extract<SubmitInput, { kind: 'file' }>[] };

/** Below what the API takes: a batch is accepted whole or refused whole, and what is lost halfway is sent again. */
export const requestLimits = {
  files: 100,
  /** The API waits a minute for a whole request, which is thus enough over 4 Mbit/s. */
  fileBytes: 25_000_000,
  urls: 1000,
  urlBytes: 3_000_000,
} as const;

/** Puts all inputs into requests, in their order but for the kinds; an input too large for any gets one of its own. */
export function planRequests(inputs: readonly SubmitInput[]): PlannedRequest[] {
  const urls = inputs.filter((input) => input.kind === 'url');
  const files = inputs.filter((input) => input.kind === 'file');
  const { urls: maxUrls, urlBytes, files: maxFiles, fileBytes } = requestLimits;
  return [
    ...split(files, { count: maxFiles, bytes: fileBytes, bytesOf: ({ bytes }) => bytes }).map((group) => ({
      kind: 'files' as const,
      inputs: group,
    })),
    ...split(urls, { count: maxUrls, bytes: urlBytes, bytesOf: ({ url }) => Buffer.byteLength(url) }).map((group) => ({
      kind: 'urls' as const,
      inputs: group,
    })),
  ];
}

interface GroupLimits<T> {
  readonly count: number;
  readonly bytes: number;
  readonly bytesOf: (item: T) => number;
}

function split<T>(items: readonly T[], { count, bytes, bytesOf }: GroupLimits<T>): T[][] {
  const groups: T[][] = [];
  let last: T[] | undefined;
  let lastBytes = 0;
  for (const item of items) {
    const size = bytesOf(item);
    if (last === undefined || last.length >= count || lastBytes + size > bytes) {
      last = [];
      lastBytes = 0;
      groups.push(last);
    }
    last.push(item);
    lastBytes += size;
  }
  return groups;
}
