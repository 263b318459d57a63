export type { Span, SpanKind, SpanOptions, Tracer } from './tracer.ts';
export type { Attributes } from './span-attributes.ts';
export { noTracer } from './no-tracer.ts';
export { createTracer, type TracerOptions } from './create-tracer.ts';
export { startSendSpan, type SendSpanOptions } from './send-span.ts';
