import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import {
  type Context,
  ROOT_CONTEXT,
  type Span as SdkSpan,
  SpanKind as SdkSpanKind,
  SpanStatusCode,
  trace,
  TraceFlags,
} from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import { defaultResource, type Resource, resourceFromAttributes } from '@opentelemetry/resources';
import { BatchSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace';
import type { TracingSettings } from '../config/tracing-settings.ts';
import type { Logger } from '../logging.ts';
import { version } from '../version.ts';
import { loggedExporter } from './logged-exporter.ts';
import { samplerOf } from './sampler.ts';
import type { Attributes } from './span-attributes.ts';
import { formatTraceparent, parseTraceparent } from './traceparent.ts';
import type { Span, SpanKind, Tracer } from './tracer.ts';

export interface OtlpTracerOptions {
  readonly service: string;
  readonly settings: TracingSettings;
  /** Base URL of the collector. */
  readonly endpoint: string;
  readonly logger: Pick<Logger, 'warn' | 'info'>;
}

/** A stopping service does not wait longer for a collector that does not answer. */
const closeTimeoutMs = 2_000;
/** Then a batch is lost: others wait behind it, and what finds no room is dropped. */
const exportTimeoutMs = 10_000;

const kinds: Readonly<Record<SpanKind, SdkSpanKind>> = {
  internal: SdkSpanKind.INTERNAL,
  server: SdkSpanKind.SERVER,
  producer: SdkSpanKind.PRODUCER,
  consumer: SdkSpanKind.CONSUMER,
};
/** Their parents are, or may be, in another process. */
const enteringKinds: ReadonlySet<SpanKind> = new Set(['server', 'consumer']);

/**
 * Sends spans by OTLP over HTTP in the background, in batches, with bounded memory. Nothing is registered globally: whoever
 * makes spans holds the tracer.
 */
export function startOtlpTracer({ service, settings, endpoint, logger }: OtlpTracerOptions): Tracer {
  const exporter = new OTLPTraceExporter({
    url: `${endpoint.replace(/\/$/, '')}/v1/traces`,
    headers: { ...settings.OTEL_EXPORTER_OTLP_HEADERS },
    timeoutMillis: exportTimeoutMs,
  });
  const provider = new TracerProvider({
    resource: resourceOf(service, settings),
    sampler: samplerOf(settings),
    spanProcessors: [new BatchSpanProcessor({ exporter: loggedExporter(exporter, logger) })],
  });
  const sdk = provider.getTracer(`glyphmill-${service}`, version);
  logger.info('Tracing is on');
  return {
    start(name, { kind = 'internal', parent, attributes = {}, startedAt } = {}) {
      const context = contextOf(parent, enteringKinds.has(kind));
      const options = {
        kind: kinds[kind],
        attributes: definedOf(attributes),
        ...(startedAt && { startTime: startedAt }),
      };
      return wrap(sdk.startSpan(name, options, context));
    },
    async close() {
      // Spans that cannot be delivered now never will be; the exporter has said so.
      const flushed = provider.shutdown().catch(() => undefined);
      await Promise.race([flushed, pause(closeTimeoutMs, undefined, { ref: false })]);
    },
  };
}

function wrap(span: SdkSpan): Span {
  const { traceId, spanId, traceFlags } = span.spanContext();
  const isSampled = (traceFlags & TraceFlags.SAMPLED) > 0;
  return {
    traceId,
    traceparent: formatTraceparent({ traceId, spanId, isSampled }),
    set(attributes) {
      span.setAttributes(definedOf(attributes));
    },
    fail(code) {
      span.setAttribute('error.type', code);
      span.setStatus({ code: SpanStatusCode.ERROR });
    },
    end(endedAt) {
      span.end(endedAt);
    },
  };
}

function contextOf(parent: string | undefined, isRemote: boolean): Context {
  const parsed = parseTraceparent(parent);
  if (parsed === undefined) return ROOT_CONTEXT;
  const { traceId, spanId, isSampled } = parsed;
  const traceFlags = isSampled ? TraceFlags.SAMPLED : TraceFlags.NONE;
  return trace.setSpanContext(ROOT_CONTEXT, { traceId, spanId, traceFlags, isRemote });
}

/** Who speaks. Nothing of the host, the process or its arguments is looked up. */
function resourceOf(service: string, settings: TracingSettings): Resource {
  const { OTEL_SERVICE_NAME: name, OTEL_RESOURCE_ATTRIBUTES: given } = settings;
  const own = {
    'service.name': `glyphmill-${service}`,
    'service.namespace': 'glyphmill',
    'service.version': version,
    'service.instance.id': randomUUID(),
  };
  const attributes = { ...own, ...given, ...(name !== undefined && { 'service.name': name }) };
  return defaultResource().merge(resourceFromAttributes(attributes));
}

function definedOf(attributes: Attributes): Record<string, string | number> {
  return Object.fromEntries(Object.entries(attributes).filter(([, value]) => value !== undefined));
}
