import type { ClaimedJob } from '@glyphmill/core/queue';
import type { Span, Tracer } from '@glyphmill/core/tracing';
import type { PageRecord, Stage } from './page-record.ts';

/** What the worker does with a page, in order. */
const workerStages = ['claim', 'fetch', 'wait', 'engine', 'keep', 'store'] as const satisfies readonly Stage[];
/** What the engine process does and measures, in the order in which it does it, one right after the other. */
const engineStages = ['decode', 'detect', 'recognize', 'classify', 'draw'] as const satisfies readonly Stage[];

/**
 * Makes the spans of a page that has ended: one for the run of its job, part of the trace that its payload names, one for
 * each stage, and below the engine's those of the stages that the engine process has told of. Afterwards, since all of
 * their times are in the record: a page that is being read is not held up. Returns the id of the trace.
 */
export function tracePage(tracer: Tracer, job: ClaimedJob, record: PageRecord): string | undefined {
  const toEpoch = epochOf();
  const { payload, lane } = job;
  const run = tracer.start(`process ${lane}`, {
    kind: 'consumer',
    parent: payload.traceparent,
    startedAt: toEpoch(record.startedAt),
    attributes: {
      'messaging.system': 'bullmq',
      'messaging.operation.type': 'process',
      'messaging.operation.name': 'process',
      'messaging.destination.name': lane,
      'messaging.message.id': payload.id,
      'glyphmill.request.id': payload.requestId,
      'glyphmill.job.id': payload.id,
      'glyphmill.job.kind': payload.kind,
      'glyphmill.job.generation': payload.generation,
      'glyphmill.source.kind': payload.source.kind,
      'glyphmill.outcome': record.outcome,
      'glyphmill.image.bytes': record.bytes,
      'glyphmill.image.pixels': record.pixels,
      'glyphmill.page.lines': record.lines,
    },
  });
  traceStages(tracer, record, { run, toEpoch });
  if (record.outcome !== 'succeeded' && record.outcome !== 'discarded') run.fail(record.outcome);
  run.end();
  return run.traceId;
}

type ToEpoch = (at: number) => number;

function traceStages(
  tracer: Tracer,
  record: PageRecord,
  { run, toEpoch }: { readonly run: Span; readonly toEpoch: ToEpoch },
): void {
  for (const stage of workerStages) {
    const startedAt = record.stageStartedAt[stage];
    const durationMs = record.stageMs[stage];
    if (startedAt === undefined || durationMs === undefined) continue;
    const span = tracer.start(stage, { parent: run.traceparent, startedAt: toEpoch(startedAt) });
    if (stage === 'engine') traceEngine(tracer, record, { engine: span, toEpoch });
    span.end(toEpoch(startedAt + durationMs));
  }
}

function traceEngine(
  tracer: Tracer,
  { stageStartedAt, stageMs }: PageRecord,
  { engine, toEpoch }: { readonly engine: Span; readonly toEpoch: ToEpoch },
): void {
  let at = stageStartedAt.decode;
  if (at === undefined) return;
  for (const stage of engineStages) {
    const durationMs = stageMs[stage];
    if (durationMs === undefined) continue;
    const span = tracer.start(stage, { parent: engine.traceparent, startedAt: toEpoch(at) });
    at += durationMs;
    span.end(toEpoch(at));
  }
}

/**
 * From performance.now() to milliseconds since the epoch, by what the host's clock says now: that of the process's start
 * may be far off by then, and spans of other processes go by it too.
 */
function epochOf(): ToEpoch {
  const offsetMs = Date.now() - performance.now();
  return (at) => at + offsetMs;
}
