import { copyFileSync, mkdirSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startPostgres, type TestPostgres } from '@glyphmill/test-servers/postgres';
import { startRedis, type TestRedis } from '@glyphmill/test-servers/redis';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventually } from '../src/eventually.ts';
import { sendRequest } from '../src/http-client.ts';
import { type ChartPrograms, findChartPrograms } from './src/chart-programs.ts';
import { PodProcess } from './src/pod-process.ts';
import { type Pod, podsOf } from './src/pod-templates.ts';
import { type Manifest, manifestsOf, renderChart } from './src/render-chart.ts';
import { valueSets } from './src/value-sets.ts';

const found = await findChartPrograms();
if (typeof found === 'string') console.warn(`The tests of the chart's pods are skipped: ${found}`);
const programs = found as ChartPrograms;
const minutes = 60_000;
const giftCard = fileURLToPath(new URL('../../packages/ocr/samples/gift-card.png', import.meta.url));
const authorization = `Basic ${Buffer.from('clerk:swordfish').toString('base64')}`;

/**
 * Each pod of one rendering as a process with its command, its environment and its volumes. What it takes for that is
 * only what this machine has instead of the cluster: where Redis and Postgres are, free ports, and no GPU.
 */
describe.skipIf(typeof found === 'string')('the pods of the chart, as processes', () => {
  let folder: string;
  let redis: TestRedis;
  let postgres: TestPostgres;
  let manifests: Manifest[];
  const running = new Map<string, PodProcess>();

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'glyphmill-chart-'));
    [redis, postgres] = await Promise.all([startRedis(), startPostgres()]);
    manifests = manifestsOf(await renderChart({ programs, values: valueSets['processes']! }));
    mkdirSync(join(folder, 'scans'));
    copyFileSync(giftCard, join(folder, 'scans', 'gift-card.png'));
  }, 2 * minutes);

  afterAll(async () => {
    for (const pod of running.values()) pod.kill();
    await Promise.all([...running.values()].map((pod) => pod.exitCode()));
    await Promise.all([redis?.stop(), postgres?.stop()]);
    await rm(folder, { recursive: true, force: true });
  }, 2 * minutes);

  const podOf = (component: string): Pod => podsOf(manifests).find((pod) => pod.component === component)!;

  const start = async (component: string, instead: Readonly<Record<string, string>> = {}): Promise<PodProcess> => {
    const own = join(folder, component);
    mkdirSync(own, { recursive: true });
    const pod = await PodProcess.start({
      pod: podOf(component),
      manifests,
      folder: own,
      claims: { 'ocr-glyphmill-blobs': join(folder, 'blobs'), scans: join(folder, 'scans') },
      instead: { REDIS_URL: redis.url, DATABASE_URL: postgres.url, ...instead },
    });
    running.set(component, pod);
    return pod;
  };

  const ask = (path: string) =>
    sendRequest({ port: running.get('api')!.portFor('http'), path, headers: { authorization } });

  test('services, started before the schema is there, are ready and bring up nothing', async () => {
    const api = await (await start('api')).ready();
    const deep = (await api.get('/readyz?deep=1')).json as { checks: { store: { ok: boolean } } };
    expect(deep.checks.store.ok).toBe(false);
  });

  test('the job brings the schema up to date, and ends', async () => {
    const job = await start('migration');
    expect(await job.exitCode(), job.log).toBe(0);
    expect(job.log).toContain('The database is up to date.');
    await eventually(
      async () =>
        ((await running.get('api')!.get('/readyz?deep=1')).json as { checks: { store: { ok: boolean } } }).checks.store
          .ok,
      { timeoutMs: 60_000, everyMs: 500, what: 'the API to find the schema' },
    );
  });

  test.each([
    ['worker-cpu', {}],
    ['worker-bulk', {}],
    // No GPU here: all else is as it is rendered.
    ['worker-gpu', { ENGINE_PROVIDER: 'cpu' }],
    ['ingest', {}],
    ['web', {}],
  ])('%s becomes ready by its own probes', async (component, instead) => {
    const pod = await (await start(component, instead)).ready();
    expect((await pod.get('/metrics')).text).toContain('glyphmill_build_info');
  });

  test('every Deployment and the job were among them', () => {
    const components = podsOf(manifests).map(({ component }) => component);
    expect([...running.keys(), 'test'].toSorted()).toEqual(components.toSorted());
  });

  test('the test pod of helm test reads its image, and would tell if the text were another', async () => {
    const url = { API_URL: `http://127.0.0.1:${running.get('api')!.portFor('http')}` };
    const pod = await start('test', url);
    expect(await pod.exitCode(), pod.log).toBe(0);
    expect(pod.log).toContain('The text is what it should be');
    const other = manifests.map((manifest) =>
      manifest.metadata.name === 'ocr-glyphmill-test' && manifest.kind === 'ConfigMap'
        ? { ...manifest, data: { ...manifest['data'], 'sample.png.expected.txt': 'AMAZON\n' } }
        : manifest,
    );
    [manifests] = [other];
    const failing = await start('test', url);
    expect(await failing.exitCode()).toBe(1);
    expect(failing.log).toContain('Expected ["AMAZON"], got 200');
  });

  test('each pool takes its own lane, and an image from the folder ends as a row on the page', async () => {
    const pages = async (component: string, lane: string) => {
      const { text } = await running.get(component)!.get('/metrics');
      const counts = [...text.matchAll(/^glyphmill_pages_total\{(.*)\} (\d+)/gm)].filter(([, labels]) =>
        labels!.includes(`lane="${lane}"`),
      );
      return counts.reduce((sum, [, , count]) => sum + Number(count), 0);
    };
    await eventually(async () => (await pages('worker-bulk', 'bulk')) + (await pages('worker-gpu', 'bulk')) === 1, {
      timeoutMs: 120_000,
      everyMs: 500,
      what: 'the image in the folder to be read',
    });
    expect(await pages('worker-cpu', 'interactive')).toBe(2);
    expect(await pages('worker-cpu', 'bulk')).toBe(0);
    expect((await pages('worker-bulk', 'interactive')) + (await pages('worker-gpu', 'interactive'))).toBe(0);
    const page = async () => {
      const { jobs } = (await ask('/jobs?state=succeeded')).json as { jobs?: { id: string }[] };
      const port = running.get('web')!.portFor('http');
      return sendRequest({ port, path: `/results/${jobs?.[0]?.id}`, headers: { authorization } });
    };
    await eventually(async () => (await page()).text.includes('XR56L-H4A5Q-87YXF'), {
      timeoutMs: 60_000,
      everyMs: 500,
      what: 'the text on the page',
    });
  });

  test('all end within their grace when they are told to, with nothing left', async () => {
    const ends = await Promise.all(
      ['api', 'worker-cpu', 'worker-bulk', 'worker-gpu', 'ingest', 'web'].map(async (component) => {
        const pod = running.get(component)!;
        const { code, leftSeconds } = await pod.end();
        return { component, code, isInTime: leftSeconds > 0 };
      }),
    );
    expect(ends.filter(({ code, isInTime }) => code !== 0 || !isInTime)).toEqual([]);
  });
});
