import type { Span, Tracer } from './tracer.ts';

const noSpan: Span = Object.freeze({
  traceparent: undefined,
  traceId: undefined,
  set: () => undefined,
  fail: () => undefined,
  end: () => undefined,
});

/** Tracing that is off. */
export const noTracer: Tracer = Object.freeze({
  start: () => noSpan,
  close: () => Promise.resolve(),
});
