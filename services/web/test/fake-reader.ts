import type { JobResult } from '@glyphmill/core/queue';
import type { FailureRow, MatchRow, ResultReader, ResultRecord, ResultRow, StoreStatus } from '@glyphmill/core/results';

export const someId = '0199d3a8-6f2e-7c1b-9d43-0b5a8e6f7c21';
export const someSha256 = 'ab'.repeat(32);
const someTime = Date.UTC(2026, 10, 26, 20, 56);

export function rowOf(changes: Partial<ResultRow> = {}): ResultRow {
  return {
    id: someId,
    state: 'succeeded',
    sources: ['scans/card.png'],
    sourceCount: 1,
    createdAt: someTime,
    finishedAt: someTime + 4_000,
    attempts: 1,
    width: 1000,
    height: 400,
    lineCount: 2,
    meanConfidence: 0.95,
    minConfidence: 0.93,
    firstLines: ['STEAM', 'XR56L-H4A5Q'],
    thumbnailSha256: someSha256,
    ...changes,
  };
}

export function lineOf(text: string, confidence = 0.97): JobResult['lines'][number] {
  return {
    text,
    confidence,
    box: [
      [10, 20],
      [110, 20],
      [110, 40],
      [10, 40],
    ],
  };
}

export function recordOf(changes: Partial<ResultRecord> = {}): ResultRecord {
  return {
    id: someId,
    state: 'succeeded',
    sources: ['scans/card.png'],
    sourceCount: 1,
    createdAt: someTime,
    startedAt: someTime + 1_000,
    finishedAt: someTime + 4_000,
    attempts: 1,
    sha256: someSha256,
    engineVersion: '1.0',
    previewSha256: someSha256,
    thumbnailSha256: someSha256,
    result: {
      width: 1000,
      height: 400,
      model: 'small',
      lines: [lineOf('STEAM'), lineOf('XR56L-H4A5Q', 0.61)],
      timings: { detect: 120, recognize: 900 },
    },
    ...changes,
  };
}

export function withText(record: ResultRecord, lines: JobResult['lines']): ResultRecord {
  return { ...record, ...(record.result && { result: { ...record.result, lines } }) };
}

export const someFailure = {
  kind: 'job',
  id: someId,
  failedAt: someTime,
  createdAt: someTime - 5_000,
  sources: ['broken.png'],
  sourceCount: 1,
  attempts: 3,
  error: { code: 'image_unreadable', message: 'The image is cut off', retryable: false },
} as const satisfies FailureRow;

export const someStatus: StoreStatus = {
  countedAt: someTime,
  jobs: { queued: 7, active: 1, succeeded: 12_345, failed: 9, canceled: 0 },
  failures: 4_321,
  oldestQueuedMs: 65_000,
  finished: { lastMinute: 3, lastHour: 120, lastDay: 2_000 },
  databaseBytes: 5_000_000,
};

export interface FakeContent {
  readonly rows?: readonly ResultRow[];
  readonly matches?: readonly MatchRow[];
  readonly records?: readonly ResultRecord[];
  readonly failures?: readonly FailureRow[];
  readonly nextCursor?: string;
}

/** A reader that knows what it is given, and keeps what it was asked. */
export function createFakeReader(content: FakeContent = {}) {
  const { rows = [], matches = [], records = [], failures = [], nextCursor } = content;
  const asked: unknown[] = [];
  const next = nextCursor === undefined ? {} : { nextCursor };
  const find = (id: string) => records.find((record) => record.id === id);
  const reader: ResultReader = {
    ready: Promise.resolve(),
    results: (query) => {
      asked.push(query);
      return Promise.resolve({ rows: rows.slice(0, query.limit), ...next });
    },
    search: (query) => {
      asked.push(query);
      return Promise.resolve({ rows: matches.slice(0, query.limit), ...next });
    },
    result: (id) => Promise.resolve(find(id)),
    failures: (query) => {
      asked.push(query);
      return Promise.resolve({ rows: failures.slice(0, query.limit), ...next });
    },
    status: () => Promise.resolve(someStatus),
    changes: () => Promise.resolve('1'),
    picturesOf: (id) => Promise.resolve(find(id)),
    close: () => Promise.resolve(),
  };
  return { reader, asked };
}
