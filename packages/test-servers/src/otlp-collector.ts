import type { IncomingHttpHeaders, ServerResponse } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { setTimeout as pause } from 'node:timers/promises';
import { serve } from './http-server.ts';
import { type Fields, hexOf, messagesOf, numberOf, readFields, textOf } from './protobuf-reader.ts';

/** A span as a collector gets it. */
export interface CollectedSpan {
  readonly traceId: string;
  readonly spanId: string;
  /** Empty where it has none. */
  readonly parentId: string;
  readonly name: string;
  readonly kind: 'unspecified' | 'internal' | 'server' | 'client' | 'producer' | 'consumer';
  /** Milliseconds since the epoch. */
  readonly startedAt: number;
  readonly endedAt: number;
  readonly isError: boolean;
  readonly attributes: Readonly<Record<string, unknown>>;
  /** Of the service that sent it. */
  readonly resource: Readonly<Record<string, unknown>>;
}

export interface CollectorRequest {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

export interface OtlpCollector {
  /** What OTEL_EXPORTER_OTLP_ENDPOINT is to be. */
  readonly endpoint: string;
  readonly requests: readonly CollectorRequest[];
  spans(): CollectedSpan[];
  /** Waits for a span that fits. */
  spanWith(fits: (span: CollectedSpan) => boolean, timeoutMs?: number): Promise<CollectedSpan>;
  close(): Promise<void>;
}

const defaultTimeoutMs = 30_000;

/**
 * Takes traces by OTLP over HTTP (protobuf) and remembers them. `answer` is what becomes of each request: 200 if it is not
 * given; one that does nothing is a collector that hangs.
 */
export async function startOtlpCollector({
  answer = (response) => void response.writeHead(200, { 'content-type': 'application/x-protobuf' }).end(),
}: { readonly answer?: (response: ServerResponse) => void } = {}): Promise<OtlpCollector> {
  const requests: CollectorRequest[] = [];
  const server = await serve((request, response) => {
    void buffer(request).then((body) => {
      requests.push({ path: request.url ?? '', headers: request.headers, body });
      answer(response);
    });
  });
  const spans = (): CollectedSpan[] => requests.flatMap(({ body }) => spansOf(body));
  return {
    endpoint: `http://127.0.0.1:${server.port}`,
    requests,
    spans,
    async spanWith(fits, timeoutMs = defaultTimeoutMs) {
      const deadline = performance.now() + timeoutMs;
      for (;;) {
        const found = spans().find(fits);
        if (found !== undefined) return found;
        const names = spans().map(({ name }) => name);
        if (performance.now() > deadline) throw new Error(`No such span among ${names.join(', ')}`);
        await pause(50);
      }
    },
    close: () => server.close(),
  };
}

const kinds = ['unspecified', 'internal', 'server', 'client', 'producer', 'consumer'] as const;
const errorStatus = 2n;

/** The numbers are those of opentelemetry/proto/trace/v1/trace.proto. */
function spansOf(body: Uint8Array): CollectedSpan[] {
  return messagesOf(readFields(body), 1).flatMap((resourceSpans) => {
    const resource = messagesOf(resourceSpans, 1).map((fields) => attributesOf(fields, 1))[0] ?? {};
    return messagesOf(resourceSpans, 2)
      .flatMap((scopeSpans) => messagesOf(scopeSpans, 2))
      .map((span) => toSpan(span, resource));
  });
}

function toSpan(span: Fields, resource: CollectedSpan['resource']): CollectedSpan {
  return {
    traceId: hexOf(span, 1),
    spanId: hexOf(span, 2),
    parentId: hexOf(span, 4),
    name: textOf(span, 5),
    kind: kinds[Number(numberOf(span, 6))] ?? 'unspecified',
    startedAt: toMs(numberOf(span, 7)),
    endedAt: toMs(numberOf(span, 8)),
    attributes: attributesOf(span, 9),
    isError: messagesOf(span, 15).some((status) => numberOf(status, 3) === errorStatus),
    resource,
  };
}

function toMs(nanoseconds: bigint): number {
  return Number(nanoseconds / 1_000n) / 1_000;
}

function attributesOf(fields: Fields, number: number): Record<string, unknown> {
  return Object.fromEntries(
    messagesOf(fields, number).map((pair) => [textOf(pair, 1), messagesOf(pair, 2).map(valueOf)[0]]),
  );
}

function valueOf(value: Fields): unknown {
  if (value.has(1)) return textOf(value, 1);
  if (value.has(2)) return numberOf(value, 2) === 1n;
  if (value.has(3)) return Number(BigInt.asIntN(64, numberOf(value, 3)));
  if (value.has(4)) return new Float64Array(new BigUint64Array([numberOf(value, 4)]).buffer)[0];
  return 'neither text nor number';
}
