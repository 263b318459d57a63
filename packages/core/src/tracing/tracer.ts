import type { Attributes } from './span-attributes.ts';

/**
 * What a service says of how its work went, as a tree of spans. Who calls it need not know whether anybody listens: with
 * tracing off (no-tracer.ts) every call does nothing. No call throws or waits, but for `close`.
 */
export interface Tracer {
  start(name: string, options?: SpanOptions): Span;
  /** Sends what has not been sent, in 2 s at most. */
  close(): Promise<void>;
}

export interface SpanOptions {
  /** `internal` if not said. */
  readonly kind?: SpanKind;
  /**
   * The span that this one is part of, as W3C writes it (`traceparent`): of this process, or from a request or a job. What
   * is no traceparent counts as none, and without one the span begins a trace of its own.
   */
  readonly parent?: string | undefined;
  readonly attributes?: Attributes;
  /** Milliseconds since the epoch; now if not said. */
  readonly startedAt?: number;
}

/** `server`, `producer` and `consumer` as OpenTelemetry means them: answers a request, sends jobs, works on a job. */
export type SpanKind = 'internal' | 'server' | 'producer' | 'consumer';

export interface Span {
  /** What its children name as their parent, in this process or another; undefined while tracing is off. */
  readonly traceparent: string | undefined;
  /** Undefined while tracing is off. */
  readonly traceId: string | undefined;
  set(attributes: Attributes): void;
  /** What it stood for has failed; the code says why. */
  fail(code: string): void;
  /** `endedAt` in milliseconds since the epoch; now if not said. */
  end(endedAt?: number): void;
}
