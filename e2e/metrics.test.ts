import { randomUUID } from 'node:crypto';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type DocumentedMetrics, readDocumentedMetrics } from './src/documented-metrics.ts';
import { eventually } from './src/eventually.ts';
import { sendRequest } from './src/http-client.ts';
import { type ImageServer, startImageServer } from './src/image-server.ts';
import { toUploadRequest, toUrlRequest } from './src/job-request.ts';
import { type OneMachine, startOneMachine } from './src/one-machine.ts';
import { parseScrape, type Sample, type Scrape } from './src/scraped-metrics.ts';
import { loadTestImages, type TestImages } from './src/test-images.ts';

/** In the order of their ops ports. */
const services = ['api', 'worker', 'ingest', 'web'] as const;
type Service = (typeof services)[number];

/** Of labels whose values are not ours to list. */
const shapes: Readonly<Record<string, RegExp>> = {
  // No digits: neither an id nor somebody's own path.
  route: /^(none|\/|(\/:?[a-z][a-z.-]*)+)$/,
  status: /^[1-5]\d\d$/,
  engine: /^\d{1,3}$/,
  sha256: /^[0-9a-f]{12}$/,
  version: /^\d+\.\d+\.\d+/,
  node: /^\d+\.\d+\.\d+$/,
};

/** Others never reach the app. */
const unusualMethods = ['PROPFIND', 'PURGE', 'LINK', 'MKCOL', 'SUBSCRIBE'];

const token = `token-${randomUUID().slice(0, 8)}`;
let machine: OneMachine;
let images: ImageServer;
let pictures: TestImages;
let documented: DocumentedMetrics;

beforeAll(async () => {
  pictures = await loadTestImages();
  images = await startImageServer({ address: '127.0.0.2', images: new Map(Object.entries(pictures)), token });
  machine = await startOneMachine({
    FETCH_ALLOW_CIDRS: '127.0.0.2/32',
    INGEST_SETTLE_MS: '100',
    RETRY_DELAY_MS: '100',
    MAX_ATTEMPTS: '2',
  });
  documented = await readDocumentedMetrics();
});
afterAll(async () => {
  await machine?.stop();
  await images?.close();
});

const ask = (port: number, path: string, method = 'GET') => sendRequest({ port, path, method });

async function analyze(imageUrl: string, status: number): Promise<void> {
  const send = () =>
    sendRequest({
      port: machine.apiPort,
      method: 'POST',
      path: '/analyze',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ image_url: imageUrl }),
    });
  await eventually(async () => (await send()).status === status, { timeoutMs: 60_000, what: `an answer ${status}` });
}

/** A job that has ended. */
async function runJob(job: ReturnType<typeof toUploadRequest>): Promise<void> {
  const accepted = await sendRequest({ port: machine.apiPort, method: 'POST', path: '/jobs', ...job });
  expect(accepted.status).toBe(202);
  await eventually(
    async () => {
      const { json } = await ask(machine.apiPort, String(accepted.headers['location']));
      return ['succeeded', 'failed'].includes((json as { state: string }).state);
    },
    { timeoutMs: 60_000, everyMs: 100, what: 'a job to end' },
  );
}

/** Bytes that nobody has seen before. */
function drawUnique(): Promise<Buffer> {
  return sharp(pictures.small)
    .withExif({ IFD0: { ImageDescription: randomUUID() } })
    .png()
    .toBuffer();
}

/** Everything of which there may be any number: other URLs, names, ids, paths and methods each time. */
async function work(): Promise<void> {
  const { apiPort, webPort } = machine;
  await analyze(images.url('image', { image: 'small' }), 200);
  await analyze(images.url('missing'), 424);
  await analyze(images.url('page'), 415);
  await runJob(toUploadRequest(await drawUnique()));
  await runJob(toUrlRequest({ image_url: images.url('image', { image: 'small' }) }));
  await runJob(toUrlRequest({ image_url: images.url('broken') }));
  for (const port of [apiPort, webPort]) {
    expect((await ask(port, `/${randomUUID()}/${token}.php?x=${token}`)).status).toBe(404);
    for (const method of unusualMethods) expect((await ask(port, '/', method)).status).toBe(405);
  }
  await ask(apiPort, `/jobs/${randomUUID()}`);
  await ask(webPort, '/');
  await ask(webPort, `/results/${randomUUID()}`);
  const taken = async () => sumOf(await scrape('ingest'), 'glyphmill_ingest_files_total', { outcome: 'accepted' });
  const before = await taken();
  await machine.drop(`${token}-${randomUUID()}.png`, await drawUnique());
  await eventually(async () => (await taken()) > before, { timeoutMs: 60_000, what: 'a file to be taken' });
  await eventually(async () => sumOf(await scrape('ingest'), 'glyphmill_ingest_unfinished_jobs', {}) === 0, {
    timeoutMs: 60_000,
    what: 'its job to end',
  });
}

async function scrapeText(service: Service): Promise<string> {
  const { status, text } = await ask(machine.program.opsPort + services.indexOf(service), '/metrics');
  expect(status).toBe(200);
  return text;
}

const scrape = async (service: Service): Promise<Scrape> => parseScrape(await scrapeText(service));

function sumOf({ samples }: Scrape, metric: string, labels: Readonly<Record<string, string>>): number {
  return samples
    .filter((sample) => sample.metric === metric)
    .filter((sample) => Object.entries(labels).every(([label, value]) => sample.labels[label] === value))
    .reduce((sum, { value }) => sum + value, 0);
}

const isOurs = ({ metric }: Pick<Sample, 'metric'>) => metric.startsWith('glyphmill_');

/** What is wrong with a sample's labels; empty when nothing is. */
function complaintsOf({ metric, labels }: Sample): string[] {
  const known = documented.metrics.get(metric)?.labels ?? [];
  return Object.entries(labels).flatMap(([label, value]) => {
    if (label === 'le') return [];
    if (label === 'service') return services.some((service) => service === value) ? [] : [`service ${value}`];
    if (!known.includes(label)) return [`${metric} has the label ${label}, which is not documented`];
    const isAllowed = documented.valuesOf(metric, label)?.has(value) ?? shapes[label]?.test(value) ?? false;
    return isAllowed ? [] : [`${metric} has ${label}="${value}"`];
  });
}

/** On a busy machine Redis may not answer in time, now and then. */
const isOutage = ({ series }: Sample) => /=(queue_unavailable|store_unavailable|service_error|503)\b/.test(series);

describe('metrics of a real run', () => {
  beforeAll(() => work());

  test.each(services)('the %s tells what docs/metrics.md says that it tells, and no more', async (service) => {
    const told = (await scrape(service)).metrics;
    const promised = [...documented.metrics].filter(([, metric]) => metric.services.includes(service));
    expect([...told].filter((name) => isOurs({ metric: name })).toSorted()).toEqual(
      promised.map(([name]) => name).toSorted(),
    );
    expect([...told].filter((name) => !isOurs({ metric: name }) && !documented.defaults.has(name))).toEqual([]);
  });

  test.each(services)('the labels of the %s have none but documented values', async (service) => {
    const { samples } = await scrape(service);
    const ours = samples.filter(isOurs);
    expect(ours.length).toBeGreaterThan(5);
    expect([...new Set(ours.flatMap(complaintsOf))]).toEqual([]);
  });

  test('what came of the work is counted', async () => {
    const [api, worker] = [await scrape('api'), await scrape('worker')];
    const latency = 'glyphmill_job_latency_seconds';
    const ended = (labels: Readonly<Record<string, string>>) =>
      sumOf({ ...worker, samples: worker.samples.filter(({ labels: { le } }) => le === '+Inf') }, latency, labels);
    expect(ended({ lane: 'interactive', outcome: 'succeeded' })).toBe(1);
    expect(ended({ lane: 'interactive', outcome: 'input_error' })).toBe(2);
    // Upload, URL and file; the URL that answers 500 was tried twice and failed once.
    expect(ended({ lane: 'bulk', outcome: 'succeeded' })).toBe(3);
    expect(ended({ lane: 'bulk', outcome: 'input_error' })).toBe(1);
    expect(sumOf(worker, 'glyphmill_errors_total', { code: 'download_failed', stage: 'fetch' })).toBe(3);
    expect(sumOf(worker, 'glyphmill_errors_total', { code: 'image_unsupported', stage: 'decode' })).toBe(1);
    const answers = 'glyphmill_http_requests_total';
    expect(sumOf(api, answers, { route: '/analyze', status: '424', code: 'download_failed' })).toBe(1);
    expect(sumOf(api, answers, { route: '/analyze', status: '200', code: '' })).toBe(1);
    expect(sumOf(api, 'glyphmill_queue_jobs', {})).toBe(0);
    expect(sumOf(api, 'glyphmill_redis_memory_used_bytes', {})).toBeGreaterThan(100_000);
  });

  test('more jobs, URLs, files, paths and methods make no more series, and leave nothing of themselves', async () => {
    const seriesOf = async () => {
      const scrapes = await Promise.all(services.map(scrape));
      const ours = scrapes.flatMap(({ samples }) => samples).filter((sample) => isOurs(sample) && !isOutage(sample));
      // Operations come with what there is to do: some of the upkeep's only after a while. They are listed all the same.
      return new Set(
        ours.filter(({ metric }) => metric !== 'glyphmill_store_call_seconds').map(({ series }) => series),
      );
    };
    const before = await seriesOf();
    for (let round = 0; round < 3; round += 1) await work();
    expect([...(await seriesOf())].filter((series) => !before.has(series))).toEqual([]);
    for (const service of services) {
      const text = await scrapeText(service);
      expect(text).not.toContain(token);
      expect(text).not.toMatch(/[0-9a-f]{8}-[0-9a-f]{4}-|https?:|127\.0\.0|\.png/);
    }
  });
});
