import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { parseEnvironment, tracingSettings } from '@glyphmill/core/config';
import { createLogger } from '@glyphmill/core/logging';
import { createTracer, type Tracer } from '@glyphmill/core/tracing';
import { serve } from '@glyphmill/test-servers/http';
import { type OtlpCollector, startOtlpCollector } from '@glyphmill/test-servers/otlp-collector';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { z } from 'zod';

const traceId = '0af7651916cd43dd8448eb211c80319c';
const spanId = 'b7ad6b7169203331';
const packageFolder = fileURLToPath(new URL('..', import.meta.url));
const callers = `00-${traceId}-${spanId}-01`;

let collector: OtlpCollector | undefined;
let logged: { level: string; line: unknown }[] = [];

afterEach(async () => {
  await collector?.close();
  collector = undefined;
  logged = [];
});

function start(env: Record<string, string>): Promise<Tracer> {
  const settings = parseEnvironment(z.object(tracingSettings), env);
  // Of this test alone: a tracer whose collector is away goes on trying for some seconds after its close.
  const lines = logged;
  const note = (level: string) => (line: unknown) => void lines.push({ level, line });
  const logger = Object.assign(createLogger({ service: 'test', level: 'silent' }), {
    info: note('info'),
    warn: note('warn'),
  });
  return createTracer({ service: 'test', settings, logger });
}

async function startWith(env: Record<string, string> = {}): Promise<{ tracer: Tracer; collector: OtlpCollector }> {
  collector = await startOtlpCollector();
  return { collector, tracer: await start({ OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint, ...env }) };
}

const warnings = () => logged.filter(({ level }) => level === 'warn').map(({ line }) => line);

describe('a tracer', () => {
  it('sends spans with their parents, times, attributes and errors', async () => {
    const { tracer, collector: received } = await startWith();
    const first = tracer.start('first', {
      kind: 'server',
      parent: callers,
      startedAt: 1_700_000_000_000,
      attributes: { 'http.route': '/analyze', 'http.response.status_code': 200, 'glyphmill.job.id': undefined },
    });
    const second = tracer.start('second', { parent: first.traceparent, startedAt: 1_700_000_000_010.25 });
    second.fail('download_failed');
    second.end(1_700_000_000_020.5);
    first.set({ 'glyphmill.page.lines': 7 });
    first.end();
    await tracer.close();
    const [child, parent] = received.spans();
    expect(parent).toMatchObject({
      traceId,
      parentId: spanId,
      name: 'first',
      kind: 'server',
      startedAt: 1_700_000_000_000,
      isError: false,
      attributes: { 'http.route': '/analyze', 'http.response.status_code': 200, 'glyphmill.page.lines': 7 },
    });
    expect(parent?.attributes).not.toHaveProperty('glyphmill.job.id');
    expect(child).toMatchObject({
      traceId,
      parentId: parent?.spanId,
      kind: 'internal',
      startedAt: 1_700_000_000_010.25,
      endedAt: 1_700_000_000_020.5,
      isError: true,
      attributes: { 'error.type': 'download_failed' },
    });
    expect(first.traceId).toBe(traceId);
  });

  it('begins a trace of its own where there is no parent, or what is given is none', async () => {
    const { tracer, collector: received } = await startWith();
    tracer.start('a').end();
    tracer.start('b', { parent: 'nonsense' }).end();
    await tracer.close();
    const spans = received.spans();
    expect(spans.map(({ parentId }) => parentId)).toEqual(['', '']);
    expect(new Set(spans.map((span) => span.traceId)).size).toBe(2);
  });

  it('asks at the path and with the headers of the standard, and says who it is', async () => {
    const { tracer, collector: received } = await startWith({
      OTEL_EXPORTER_OTLP_HEADERS: 'authorization=Basic%20c2VjcmV0,x-tenant=a',
      OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment.name=test,service.name=not-this',
      OTEL_SERVICE_NAME: 'reader',
    });
    tracer.start('a').end();
    await tracer.close();
    const [request] = received.requests;
    expect(request).toMatchObject({
      path: '/v1/traces',
      headers: { 'content-type': 'application/x-protobuf', authorization: 'Basic c2VjcmV0', 'x-tenant': 'a' },
    });
    const resource = received.spans()[0]?.resource;
    expect(resource).toMatchObject({ 'service.name': 'reader', 'deployment.environment.name': 'test' });
    // Of the machine and the command line nothing.
    const standard = ['service.', 'telemetry.sdk.', 'deployment.'];
    expect(Object.keys(resource ?? {}).filter((name) => !standard.some((prefix) => name.startsWith(prefix)))).toEqual(
      [],
    );
  });

  it('calls itself by its service', async () => {
    const { tracer, collector: received } = await startWith();
    tracer.start('a').end();
    await tracer.close();
    expect(received.spans()[0]?.resource).toMatchObject({ 'service.name': 'glyphmill-test' });
  });
});

describe('sampling', () => {
  it('follows the caller, and hands on what was decided', async () => {
    const { tracer, collector: received } = await startWith();
    const span = tracer.start('unwanted', { kind: 'server', parent: callers.replace(/01$/, '00') });
    tracer.start('child of it', { parent: span.traceparent }).end();
    span.end();
    await tracer.close();
    expect(span.traceparent).toMatch(new RegExp(`^00-${traceId}-.*-00$`));
    expect(received.spans()).toEqual([]);
  });

  it.each([
    ['always_off', 0],
    ['traceidratio', 0],
    ['parentbased_always_off', 1],
    ['parentbased_traceidratio', 1],
    ['always_on', 2],
  ])('%s records %i of a fresh and a called span', async (sampler, count) => {
    const { tracer, collector: received } = await startWith({
      OTEL_TRACES_SAMPLER: sampler,
      OTEL_TRACES_SAMPLER_ARG: '0',
    });
    tracer.start('fresh').end();
    tracer.start('called', { kind: 'server', parent: callers }).end();
    await tracer.close();
    expect(received.spans()).toHaveLength(count);
  });
});

describe('a collector that fails', () => {
  /** Far more spans than are kept. */
  const useHard = (tracer: Tracer) => {
    for (let i = 0; i < 10_000; i++) tracer.start('span').end();
  };

  it('by not answering holds up nothing but the close, and that for less than an export may take', async () => {
    collector = await startOtlpCollector({ answer: () => undefined });
    const tracer = await start({ OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint });
    useHard(tracer);
    await tracer.close();
    // No export was given up yet.
    expect(warnings()).toEqual([]);
    await vi.waitFor(() => expect(collector?.requests.length).toBeGreaterThan(0), 20_000);
  });

  it('by not being there does neither', async () => {
    const gone = await serve(() => undefined);
    await gone.close();
    const tracer = await start({ OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${gone.port}` });
    useHard(tracer);
    await tracer.close();
    expect(warnings()).toEqual([]);
  });

  it('by refusing is told of once, without what it said', async () => {
    collector = await startOtlpCollector({ answer: (response) => response.writeHead(403).end('a secret of its own') });
    const tracer = await start({ OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint });
    useHard(tracer);
    await tracer.close();
    expect(collector.requests.length).toBeGreaterThan(1);
    expect(warnings()).toEqual([{ spans: expect.any(Number), reason: 'status 403' }]);
    expect(JSON.stringify(logged)).not.toMatch(/secret|127\.0\.0\.1/);
  });
});

describe('without an endpoint', () => {
  it('spans are nothing, and cost no memory', async () => {
    const tracer = await start({ OTEL_SERVICE_NAME: 'reader' });
    const span = tracer.start('a', { parent: callers });
    expect(span).toBe(tracer.start('b'));
    expect(span.traceparent).toBeUndefined();
    span.set({ 'glyphmill.page.lines': 1 });
    span.fail('internal');
    span.end();
    await tracer.close();
  });

  it.each([
    ['off', {}, false],
    ['on', { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9' }, true],
  ])('%s: whether OpenTelemetry is loaded', async (_name, env, isLoaded) => {
    const args = ['--input-type=module', '-e', program(env)];
    const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: packageFolder });
    expect(JSON.parse(stdout)).toBe(isLoaded);
  });
});

/** Makes a span in a process of its own, and says whether a module of OpenTelemetry was loaded for it. */
function program(env: Record<string, string>): string {
  return `
    import { registerHooks } from 'node:module';
    let isLoaded = false;
    registerHooks({
      load(url, context, next) {
        isLoaded ||= url.includes('@opentelemetry');
        return next(url, context);
      },
    });
    const { createTracer } = await import('@glyphmill/core/tracing');
    const { parseEnvironment, tracingSettings } = await import('@glyphmill/core/config');
    const { z } = await import('zod');
    const settings = parseEnvironment(z.object(tracingSettings), ${JSON.stringify(env)});
    const logger = { info() {}, warn() {} };
    const tracer = await createTracer({ service: 'test', settings, logger });
    tracer.start('a').end();
    console.log(JSON.stringify(isLoaded));
    process.exit(0);`;
}
