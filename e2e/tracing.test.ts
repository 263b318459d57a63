import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type CollectedSpan, type OtlpCollector, startOtlpCollector } from '@glyphmill/test-servers/otlp-collector';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventually } from './src/eventually.ts';
import { searchBytes } from './src/leak-search.ts';
import { environOf } from './src/process-table.ts';
import { allowedAddress, Stack } from './src/stack.ts';

const witness = fileURLToPath(new URL('src/module-witness.ts', import.meta.url));
const callersTrace = '0af7651916cd43dd8448eb211c80319c';
const callersSpan = 'b7ad6b7169203331';
const traceparent = `00-${callersTrace}-${callersSpan}-01`;
const collectorKey = 'key-of-the-collector';
const fileName = 'private-name-of-a-file.png';

let folder: string;
let collector: OtlpCollector;
let hangs = false;
let stack: Stack;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'glyphmill-tracing-'));
  await Promise.all(['on', 'off'].map((name) => mkdir(join(folder, name))));
  collector = await startOtlpCollector({
    answer: (response) => {
      if (!hangs) response.writeHead(200).end();
    },
  });
  stack = await Stack.start({
    env: {
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint,
      OTEL_EXPORTER_OTLP_HEADERS: `x-key=${collectorKey}`,
      SYNC_TIMEOUT_MS: '90000',
      PAGE_TIMEOUT_MS: '60000',
      ...witnessed('on'),
    },
  });
});
afterAll(async () => {
  await stack?.stop();
  await collector?.close();
  await rm(folder, { recursive: true, force: true });
});

function witnessed(name: string): Record<string, string> {
  return { NODE_OPTIONS: `--import=${witness}`, MODULE_WITNESS_FOLDER: join(folder, name) };
}

/** All spans of a trace, once the run of its job has come and nothing more does; in the order in which they began. */
async function traceWith(fits: (span: CollectedSpan) => boolean): Promise<CollectedSpan[]> {
  const { traceId } = await collector.spanWith(fits);
  const known = () => collector.spans().filter((span) => span.traceId === traceId);
  await eventually(
    () => known().some(({ kind }) => kind === 'consumer') && known().some(({ kind }) => kind === 'producer'),
    { timeoutMs: 30_000, what: 'both sides of the queue' },
  );
  return known().toSorted((a, b) => a.startedAt - b.startedAt);
}

function named(spans: readonly CollectedSpan[], name: string): CollectedSpan {
  const [span, another] = spans.filter((candidate) => candidate.name === name);
  if (span === undefined || another !== undefined) {
    throw new Error(`Not exactly one ${name} among ${spans.map((candidate) => candidate.name).join(', ')}`);
  }
  return span;
}

/** Each span's children by name, in order, from the root's on. */
function treeOf(spans: readonly CollectedSpan[], parentId: string): object {
  const children = spans.filter((span) => span.parentId === parentId);
  return Object.fromEntries(children.map(({ name, spanId }) => [name, treeOf(spans, spanId)]));
}

/** Children lie within their parents, where these wait for them, and siblings follow each other; to the millisecond. */
function expectOrder(spans: readonly CollectedSpan[], names: readonly string[]): void {
  const [parent, ...children] = names.map((name) => named(spans, name));
  let before = parent!.startedAt;
  for (const child of children) {
    expect(child.parentId, child.name).toBe(parent!.spanId);
    expect(child.startedAt, child.name).toBeGreaterThanOrEqual(before - 1);
    expect(child.endedAt, child.name).toBeGreaterThanOrEqual(child.startedAt);
    before = child.endedAt;
  }
  expect(parent!.endedAt).toBeGreaterThanOrEqual(before - 1);
}

const engineStages = { decode: {}, detect: {}, recognize: {}, classify: {} };

describe('POST /analyze', () => {
  test('is one trace from the caller to the stages of the engine', async () => {
    const answer = await stack.analyze(stack.pictureUrl('giftCard'), { headers: { traceparent } });
    expect(answer.status).toBe(200);
    const spans = await traceWith(({ traceId, name }) => traceId === callersTrace && name === 'POST /analyze');
    expect(treeOf(spans, callersSpan)).toEqual({
      'POST /analyze': {
        'send interactive': { 'process interactive': { fetch: {}, wait: {}, engine: engineStages } },
      },
    });
    expectOrder(spans, ['process interactive', 'fetch', 'wait', 'engine']);
    expectOrder(spans, ['engine', ...Object.keys(engineStages)]);
    expectOrder(spans, ['POST /analyze', 'send interactive']);
    const request = named(spans, 'POST /analyze');
    const run = named(spans, 'process interactive');
    expect(run.startedAt).toBeGreaterThanOrEqual(request.startedAt - 1);
    expect(run.endedAt).toBeLessThanOrEqual(request.endedAt + 1);
    expect(request).toMatchObject({
      kind: 'server',
      isError: false,
      resource: { 'service.name': 'glyphmill-api' },
      attributes: { 'http.request.method': 'POST', 'http.route': '/analyze', 'http.response.status_code': 200 },
    });
    expect(run).toMatchObject({
      kind: 'consumer',
      isError: false,
      resource: { 'service.name': 'glyphmill-worker' },
      attributes: {
        'messaging.system': 'bullmq',
        'messaging.destination.name': 'interactive',
        'messaging.message.id': request.attributes['glyphmill.job.id'],
        'glyphmill.job.kind': 'ephemeral',
        'glyphmill.source.kind': 'url',
        'glyphmill.outcome': 'succeeded',
        'glyphmill.page.lines': (answer.json as { count: number }).count,
      },
    });
  });

  test('tells the trace in the log lines of request and page', () => {
    for (const [service, line] of [
      [stack.api, 'request'],
      [stack.workers[0]!, 'page'],
    ] as const) {
      const lines = service.log().split('\n');
      expect(lines.filter((text) => text.includes(`"msg":"${line}"`) && text.includes(callersTrace))).toHaveLength(1);
    }
  });

  test('begins a trace of its own without a caller that has one, and says what failed', async () => {
    const answer = await stack.analyze(stack.images.url('page'));
    expect(answer.status).toBe(415);
    const run = await collector.spanWith(
      ({ attributes }) =>
        attributes['glyphmill.outcome'] === 'image_unsupported' && attributes['messaging.operation.type'] === 'process',
    );
    expect(run).toMatchObject({ isError: true, attributes: { 'error.type': 'image_unsupported' } });
    const spans = await traceWith(({ traceId, kind }) => traceId === run.traceId && kind === 'server');
    expect(spans[0]).toMatchObject({
      name: 'POST /analyze',
      parentId: '',
      // The caller's own fault.
      isError: false,
      attributes: { 'http.response.status_code': 415, 'glyphmill.outcome': 'image_unsupported' },
    });
  });
});

describe('a durable job', () => {
  const post = async (imageUrl: string): Promise<string> => {
    const answer = await stack.send({
      method: 'POST',
      path: '/jobs',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ image_url: imageUrl }),
    });
    expect(answer.status).toBe(202);
    return (answer.json as { id: string }).id;
  };

  test('is one trace from the request to the store', async () => {
    const id = await post(stack.pictureUrl('giftCard'));
    const spans = await traceWith(
      ({ name, attributes }) => name === 'POST /jobs' && attributes['glyphmill.job.id'] === id,
    );
    expect(treeOf(spans, '')).toEqual({
      'POST /jobs': {
        accept: {},
        'send bulk': {
          'process bulk': {
            claim: {},
            fetch: {},
            wait: {},
            engine: { ...engineStages, draw: {} },
            keep: {},
            store: {},
          },
        },
      },
    });
    expectOrder(spans, ['process bulk', 'claim', 'fetch', 'wait', 'engine', 'keep', 'store']);
    expectOrder(spans, ['engine', ...Object.keys(engineStages), 'draw']);
    expect(named(spans, 'process bulk').attributes).toMatchObject({
      'glyphmill.job.id': id,
      'glyphmill.job.kind': 'durable',
    });
  });

  test('keeps its trace when it is tried again', async () => {
    const id = await post(stack.images.url('broken'));
    const isRun = (generation: number) => (span: CollectedSpan) =>
      span.attributes['messaging.message.id'] === id &&
      span.name === 'process bulk' &&
      span.attributes['glyphmill.job.generation'] === generation;
    const [first, second] = [await collector.spanWith(isRun(0)), await collector.spanWith(isRun(1))];
    expect([second.traceId, second.parentId]).toEqual([first.traceId, first.parentId]);
    expect(second).toMatchObject({ isError: true, attributes: { 'glyphmill.outcome': 'download_failed' } });
  });

  test('of a file in the inbox is one trace, too', async () => {
    await stack.startIngest({ INGEST_SETTLE_MS: '100', INGEST_RESCAN_MS: '500' });
    await writeFile(join(stack.inbox, fileName), stack.pictures.giftCard);
    const spans = await traceWith(({ name }) => name === 'take file');
    expect(treeOf(spans, '')).toMatchObject({
      'take file': { 'send bulk': { 'process bulk': { fetch: {}, engine: engineStages } } },
    });
    expect(named(spans, 'take file').resource).toMatchObject({ 'service.name': 'glyphmill-ingest' });
    expect(named(spans, 'process bulk').attributes).toMatchObject({ 'glyphmill.source.kind': 'blob' });
  });
});

describe('what is sent to the collector', () => {
  test('holds no text, no URL, no host, no file name and no credential', async () => {
    const exported = Buffer.concat(collector.requests.map(({ body }) => body));
    expect(exported.length).toBeGreaterThan(1_000);
    await writeFile(join(stack.folder, 'logs', 'exported'), exported);
    expect(await stack.findLeaks('logs')).toEqual([]);
    const hidden = [fileName, allowedAddress, '127.0.0.1', 'http:', collectorKey, stack.folder, stack.redis.url];
    expect(
      searchBytes(
        'what was exported',
        exported,
        hidden.map((what) => ({ what, bytes: Buffer.from(what) })),
      ),
    ).toEqual([]);
    // But it is what was meant to be there.
    expect(exported.includes('/analyze')).toBe(true);
  });

  test('comes with the headers that were set, and these are in no log and no engine process', async () => {
    expect(new Set(collector.requests.map(({ headers }) => headers['x-key']))).toEqual(new Set([collectorKey]));
    for (const service of [stack.api, ...stack.workers]) expect(service.log()).not.toContain(collectorKey);
    expect(environOf(stack.workers[0]!.pid).includes(collectorKey)).toBe(true);
    expect(stack.engines()).not.toEqual([]);
    for (const pid of stack.engines()) expect(environOf(pid).includes('OTEL')).toBe(false);
  });
});

test('a collector that hangs holds up neither requests nor the end of a service', async () => {
  hangs = true;
  for (let i = 0; i < 3; i++) expect((await stack.analyze(stack.pictureUrl('small'))).status).toBe(200);
  const exits = await Promise.all([stack.api, ...stack.workers].map((service) => service.stop(20_000)));
  expect(exits).toEqual(exits.map(() => ({ code: 0, signal: null })));
});

test('nothing of OpenTelemetry is loaded where no collector is named', async () => {
  // The witness sees what is loaded elsewhere.
  expect((await readdir(join(folder, 'on'))).length).toBeGreaterThanOrEqual(2);
  const plain = await Stack.start({ env: witnessed('off') });
  try {
    expect((await plain.analyze(plain.pictureUrl('small'), { headers: { traceparent } })).status).toBe(200);
    expect(await readdir(join(folder, 'off'))).toEqual([]);
    expect(plain.api.log()).not.toContain('trace_id');
  } finally {
    await plain.stop();
  }
});
