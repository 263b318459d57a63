import type { ClaimedJob } from '@glyphmill/core/queue';
import type { SpanOptions, Tracer } from '@glyphmill/core/tracing';
import { beforeEach, describe, expect, it } from 'vitest';
import { createPageRecord, type PageRecord } from './page-record.ts';
import { tracePage } from './trace-page.ts';

const job = {
  lane: 'bulk',
  payload: {
    id: '0198f2a4-0000-7000-8000-000000000001',
    generation: 2,
    kind: 'durable',
    source: { kind: 'url', url: 'https://images.test/a.png?token=s3cr3t' },
    traceparent: 'what the sender wrote',
  },
} as unknown as ClaimedJob;

interface NotedSpan extends SpanOptions {
  readonly name: string;
  endedAt?: number | undefined;
  failed?: string;
}

let spans: NotedSpan[];
beforeEach(() => {
  spans = [];
});

const tracer: Tracer = {
  start(name, options = {}) {
    const span: NotedSpan = { name, ...options };
    spans.push(span);
    return {
      traceparent: name,
      traceId: 'the trace',
      set: () => undefined,
      fail: (code) => void (span.failed = code),
      end: (at) => void (span.endedAt = at),
    };
  },
  close: () => Promise.resolve(),
};

/** A record of a page that was taken at 1,000 by performance.now(). */
function recordOf(parts: Partial<PageRecord>): PageRecord {
  return { ...createPageRecord(), startedAt: 1_000, ...parts };
}

/** Name, parent, and milliseconds since the page was taken. */
function drawn(): unknown[] {
  const takenAt = spans[0]?.startedAt ?? 0;
  return spans.map(({ name, parent, startedAt = 0, endedAt = Number.NaN }) => [
    name,
    parent,
    Math.round(startedAt - takenAt),
    Math.round(endedAt - takenAt),
  ]);
}

describe('tracePage', () => {
  it('puts each stage where it was, those of the engine after each other', () => {
    const traceId = tracePage(
      tracer,
      job,
      recordOf({
        outcome: 'succeeded',
        stageMs: { fetch: 40, wait: 10, engine: 500, decode: 20, detect: 100, recognize: 300, classify: 30, store: 5 },
        stageStartedAt: { fetch: 1_000, wait: 1_040, engine: 1_050, decode: 1_060, store: 1_560 },
      }),
    );
    expect(traceId).toBe('the trace');
    expect(drawn()).toEqual([
      ['process bulk', 'what the sender wrote', 0, Number.NaN],
      ['fetch', 'process bulk', 0, 40],
      ['wait', 'process bulk', 40, 50],
      ['engine', 'process bulk', 50, 550],
      ['decode', 'engine', 60, 80],
      ['detect', 'engine', 80, 180],
      ['recognize', 'engine', 180, 480],
      ['classify', 'engine', 480, 510],
      ['store', 'process bulk', 560, 565],
    ]);
    expect(spans[0]).toMatchObject({ kind: 'consumer', attributes: { 'glyphmill.job.generation': 2 } });
    expect(spans[0]).not.toHaveProperty('failed');
    expect(JSON.stringify(spans)).not.toMatch(/images\.test|s3cr3t/);
  });

  it('goes by the clock of the host', () => {
    const before = Date.now();
    tracePage(tracer, job, createPageRecord());
    expect(spans[0]?.startedAt).toBeGreaterThan(before - 1_000);
    expect(spans[0]?.startedAt).toBeLessThanOrEqual(Date.now() + 1);
  });

  it('tells of a page that failed as far as it came', () => {
    const record = recordOf({ outcome: 'download_failed', stageMs: { fetch: 40 }, stageStartedAt: { fetch: 1_000 } });
    tracePage(tracer, job, record);
    expect(spans.map(({ name }) => name)).toEqual(['process bulk', 'fetch']);
    expect(spans[0]).toMatchObject({
      failed: 'download_failed',
      attributes: { 'glyphmill.outcome': 'download_failed' },
    });
  });

  it('does not call a page failed that another worker reads', () => {
    tracePage(tracer, job, recordOf({ outcome: 'discarded' }));
    expect(spans).toHaveLength(1);
    expect(spans[0]).not.toHaveProperty('failed');
  });
});
