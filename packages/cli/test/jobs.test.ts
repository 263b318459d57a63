import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { type IncomingMessage, request as sendRequest } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { serve } from '@glyphmill/test-servers/http';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Services, startServices } from './services.ts';

const main = fileURLToPath(new URL('../src/main.ts', import.meta.url));
const samples = fileURLToPath(new URL('../../ocr/samples/', import.meta.url));
let folder: string;
let services: Services;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'glyphmill-cli-'));
  await Promise.all(['scans', 'many', 'empty'].map((name) => mkdir(path.join(folder, name))));
  await copyFile(`${samples}gift-card.png`, path.join(folder, 'gift-card.png'));
  for (const name of ['card 1.png', 'blank.png']) {
    await copyFile(samples + name.replace('card 1', 'gift-card'), path.join(folder, 'scans', name));
  }
  await writeFile(path.join(folder, 'scans', 'broken.jpg'), 'not a picture');
  await writeFile(path.join(folder, 'scans', 'large.png'), Buffer.alloc(1_000_001));
  await writeFile(path.join(folder, 'scans', 'nothing.png'), '');
  services = await startServices();
});
afterAll(async () => {
  await services?.close();
  await rm(folder, { recursive: true });
});

interface RunOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: Uint8Array;
}

function start(args: readonly string[], { env = {}, input }: RunOptions = {}) {
  const child = spawn(process.execPath, [main, 'jobs', ...args], {
    cwd: folder,
    env: {
      PATH: process.env['PATH'],
      GLYPHMILL_URL: services.url,
      GLYPHMILL_USERNAME: services.username,
      GLYPHMILL_PASSWORD: services.password,
      ...env,
    },
  });
  child.stdin.on('error', () => undefined).end(input);
  return child;
}

async function run(args: readonly string[], options?: RunOptions) {
  const child = start(args, options);
  const [[code], stdout, stderr] = await Promise.all([
    once(child, 'close') as Promise<[number | null]>,
    text(child.stdout),
    text(child.stderr),
  ]);
  return { code, stdout, stderr };
}

/** Stands before the API; takes the answer to a request and cuts the connection where `loses` says so. */
function startProxy(loses: (request: IncomingMessage) => boolean) {
  return serve((request, response) => {
    const { method, headers, url } = request;
    const isLost = loses(request);
    const passed = sendRequest(services.url, { method, headers, path: url }, (answer) => {
      if (isLost) {
        answer.resume().once('end', () => request.socket.destroy());
        return;
      }
      response.writeHead(answer.statusCode ?? 500, answer.headers);
      answer.pipe(response);
    });
    request.pipe(passed);
  });
}

interface PrintedJob {
  readonly input: string;
  readonly id: string;
  readonly state: string;
  readonly batch?: string;
  readonly source?: Record<string, unknown>;
  readonly metadata?: Record<string, string>;
  readonly priority?: number;
  readonly result?: { readonly data: readonly { readonly text: string }[] };
  readonly error?: { readonly code: string; readonly detail: string };
}

async function runJson(args: readonly string[], options?: RunOptions) {
  const { code, stdout, stderr } = await run([...args, '--json'], options);
  const jobs = stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as PrintedJob);
  return { code, jobs, stderr };
}

/** `input`: what became of it. */
const summary = (jobs: readonly PrintedJob[]) =>
  Object.fromEntries(jobs.map(({ input, state, error }) => [input, error?.code ?? state]));

/** While no worker runs, jobs stay as they are. */
describe('glyphmill jobs, before there is a worker', () => {
  test('submits files and URLs in batches; what is wrong is told and stops nothing else', async () => {
    const args = ['submit', 'scans', 'missing.png', 'empty', '--priority', '7', '--metadata', 'order=A-1'];
    const urls = ['http://images.test/1.png', 'http://user:secret@images.test/2.png', 'ftp://images.test/3.png'];
    const { code, jobs, stderr } = await runJson([...args, ...urls, 'http://images.test/4.png']);
    expect(summary(jobs)).toEqual({
      'missing.png': 'file_not_found',
      empty: 'no_images',
      'scans/nothing.png': 'file_empty',
      'scans/large.png': 'image_too_large',
      'scans/blank.png': 'queued',
      'scans/broken.jpg': 'queued',
      'scans/card 1.png': 'queued',
      'http://images.test/1.png': 'queued',
      'http://user:secret@images.test/2.png': 'url_not_allowed',
      'ftp://images.test/3.png': 'url_not_allowed',
      'http://images.test/4.png': 'queued',
    });
    expect(code).toBe(1);
    const batches = [...new Set(jobs.flatMap(({ batch }) => batch ?? []))];
    expect(batches).toHaveLength(2);
    expect(stderr).toContain('scans/large.png: image_too_large: ');
    expect(stderr).toContain(`5 of 11 images submitted, in batch ${batches.join(', ')}\n`);
    const shown = await runJson(['show', ...jobs.filter(({ state }) => state === 'queued').map(({ id }) => id)]);
    expect(shown.code).toBe(0);
    expect(shown.jobs).toHaveLength(5);
    for (const job of shown.jobs) expect(job).toMatchObject({ priority: 7, metadata: { order: 'A-1' } });
    const names = shown.jobs.map(({ source }) => source?.['name'] ?? source?.['url']).map(String);
    expect(names.toSorted()).toEqual([
      'blank.png',
      'broken.jpg',
      'card 1.png',
      'http://images.test/1.png',
      'http://images.test/4.png',
    ]);
    const listed = await runJson(['list', '--batch', batches[1]!]);
    expect(listed.jobs).toHaveLength(2);
  });

  test('more files than a request takes; lists of several pages', async () => {
    const picture = await readFile(`${samples}blank.png`);
    const names = Array.from({ length: 120 }, (_, index) => `page-${index}.png`);
    await Promise.all(names.map((name) => writeFile(path.join(folder, 'many', name), picture)));
    const { code, stdout, stderr } = await run(['submit', 'many']);
    expect(code).toBe(0);
    const rows = stdout.trim().split('\n');
    // As `ocr` counts: page-2 before page-10.
    expect(rows.map((row) => row.split(/ +/)).map(([, ...rest]) => rest)).toEqual(
      names.map((name) => ['queued', `many/${name}`]),
    );
    const [, one, two] = /^120 of 120 images submitted, in batch (\S+), (\S+)\n$/.exec(stderr)!;
    const sizes = [one, two].map(async (batch) => (await runJson(['list', '--all', '--batch', batch!])).jobs.length);
    expect(await Promise.all(sizes)).toEqual([100, 20]);
    expect((await runJson(['list', '--limit', '3', '--state', 'queued,active'])).jobs).toHaveLength(3);
    const canceled = await runJson(['cancel', ...rows.map((row) => row.slice(0, 36))]);
    expect(canceled.code).toBe(0);
    expect(new Set(canceled.jobs.map(({ state }) => state))).toEqual(new Set(['canceled']));
  });

  test('a lost answer makes no second job, nor does a key that was used', async () => {
    let submissions = 0;
    // The first one is done; who asked never hears of it.
    const proxy = await startProxy(({ method }) => method === 'POST' && submissions++ === 0);
    const url = `http://127.0.0.1:${proxy.port}`;
    const lost = await runJson(['submit', 'gift-card.png', 'scans/blank.png', '--url', url]);
    await proxy.close();
    expect(lost).toMatchObject({ code: 0, stderr: expect.stringContaining('api_unreachable') });
    expect(submissions).toBe(2);
    const { batch } = lost.jobs[0]!;
    const ids = lost.jobs.map(({ id }) => id).toSorted();
    const listed = await runJson(['list', '--all']);
    const made = listed.jobs.filter(({ source }) => source?.['name'] === 'gift-card.png');
    expect(made).toHaveLength(1);
    expect(
      listed.jobs
        .filter((job) => job.batch === batch)
        .map(({ id }) => id)
        .toSorted(),
    ).toEqual(ids);

    const keyed = ['submit', 'gift-card.png', '--idempotency-key', 'order-1'];
    const [first, second] = [await runJson(keyed), await runJson(keyed)];
    expect(second.jobs[0]!.id).toBe(first.jobs[0]!.id);
    const other = await run(['submit', 'scans/blank.png', '--idempotency-key', 'order-1']);
    expect(other).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('scans/blank.png: idempotency_conflict: '),
    });
    expect((await run(['cancel', ...ids, first.jobs[0]!.id])).code).toBe(0);
  });

  test('waits for so long and no longer; an interrupt ends it', async () => {
    const { jobs } = await runJson(['submit', 'gift-card.png']);
    const { id } = jobs[0]!;
    expect(await run(['wait', id, '--timeout', '1'])).toEqual({
      code: 1,
      stdout: expect.stringMatching(new RegExp(`^${id} +queued`)),
      stderr: '1 of what was waited for had not ended\n',
    });
    const asked = Promise.withResolvers<void>();
    let requests = 0;
    const proxy = await startProxy(() => {
      // It asks again: so it has heard of the job.
      if (++requests === 2) asked.resolve();
      return false;
    });
    const child = start(['wait', id, '--url', `http://127.0.0.1:${proxy.port}`]);
    const output = text(child.stdout);
    await asked.promise;
    child.kill('SIGINT');
    expect(await once(child, 'close')).toEqual([130, null]);
    expect(await output).toContain(id);
    await proxy.close();
    const waiting = run(['wait', id]);
    await run(['cancel', id]);
    expect(await waiting).toMatchObject({ code: 1, stdout: expect.stringContaining('canceled   gift-card.png') });
  });

  test('an interrupt between submission and the first answer loses no id', async () => {
    const asked = Promise.withResolvers<void>();
    const proxy = await startProxy(({ method, url }) => {
      if (method !== 'GET' || url === '/jobs?limit=1') return false;
      asked.resolve();
      return true;
    });
    const child = start(['submit', 'gift-card.png', '--wait', '--json', '--url', `http://127.0.0.1:${proxy.port}`]);
    const output = text(child.stdout);
    await asked.promise;
    child.kill('SIGINT');
    expect(await once(child, 'close')).toEqual([130, null]);
    await proxy.close();
    const { id, ...job } = JSON.parse(await output) as PrintedJob;
    expect(job).toEqual({ input: 'gift-card.png', state: 'queued' });
    expect((await run(['cancel', id])).code).toBe(0);
  });

  test('problems are told by code and detail, secrets never', async () => {
    const unknown = '0199d3a8-6f2e-7c1b-9d43-0b5a8e6f7c21';
    const commands = [['show'], ['cancel'], ['retry'], ['wait'], ['wait', '--batch']];
    for (const { code, jobs, stderr } of await Promise.all(commands.map((args) => runJson([...args, unknown])))) {
      expect(stderr).toContain(`${unknown}: job_not_found: `);
      expect({ code, jobs }).toMatchObject({ code: 1, jobs: [{ id: unknown, error: { code: 'job_not_found' } }] });
    }
    const env = { GLYPHMILL_PASSWORD: 'swordfish' };
    const wrong = await runJson(['submit', 'scans'], { env });
    expect(wrong).toMatchObject({ code: 1, jobs: [{ error: { code: 'unauthorized', status: 401 } }] });
    expect(wrong.stderr).toMatch(/^submit: unauthorized: /);
    expect(wrong.stderr).not.toContain('swordfish');
    const usage = await run(['list', '--url', 'http://a:swordfish@127.0.0.1']);
    expect(usage).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining('GLYPHMILL_USERNAME') });
    expect(usage.stderr).not.toContain('swordfish');
    expect(await run(['list', '--nonsense'])).toMatchObject({ code: 2, stdout: '' });
    expect((await run(['--help'])).stdout).toContain('--all-failed');
  });

  test('an API that is not there', async () => {
    const nobody = await serve(() => undefined);
    const url = `http://127.0.0.1:${nobody.port}`;
    await nobody.close();
    const { code, jobs, stderr } = await runJson(['submit', 'scans', '--url', url]);
    expect({ code, jobs }).toMatchObject({ code: 1, jobs: [{ error: { code: 'api_unreachable' } }] });
    expect(stderr).toContain('submit: api_unreachable: No answer from');
  });
});

describe('glyphmill jobs, with a worker', () => {
  beforeAll(async () => {
    const { jobs } = await runJson(['list', '--all', '--state', 'queued']);
    await Promise.all([run(['cancel', ...jobs.map(({ id }) => id)]), services.startWorker()]);
  });

  test('submits, waits and shows', async () => {
    const { code, jobs } = await runJson(['submit', 'scans', '--wait', '--timeout', '60']);
    expect(code).toBe(1);
    expect(summary(jobs)).toEqual({
      'scans/nothing.png': 'file_empty',
      'scans/large.png': 'image_too_large',
      'scans/blank.png': 'succeeded',
      'scans/broken.jpg': 'image_unsupported',
      'scans/card 1.png': 'succeeded',
    });
    const card = jobs.find(({ input }) => input === 'scans/card 1.png')!;
    const lines = ['STEAM', 'XR56L-H4A5Q-87YXF'];
    expect(card.result?.data.map((line) => line.text)).toEqual(lines);
    const { stdout } = await run(['show', card.id]);
    expect(stdout.split('\n').slice(-3)).toEqual([...lines.map((line) => `    ${line}`), '']);
    const waited = await run(['wait', '--batch', card.batch!]);
    expect(waited.code).toBe(1);
    expect(waited.stdout.trim().split('\n')).toHaveLength(3);
    expect(waited.stdout).toContain('failed     broken.jpg  image_unsupported: ');
    expect((await run(['wait', card.id])).code).toBe(0);
    expect(await run(['cancel', card.id])).toMatchObject({ code: 1, stderr: expect.stringContaining('job_not_can') });
  });

  test('standard input', async () => {
    const input = await readFile(path.join(folder, 'gift-card.png'));
    const { code, jobs } = await runJson(['submit', '-', '--wait', '--timeout', '60'], { input });
    expect({ code, jobs }).toMatchObject({ code: 0, jobs: [{ input: '-', state: 'succeeded' }] });
  });

  test('retries what failed', async () => {
    const failed = (await runJson(['list', '--state', 'failed', '--all'])).jobs.map(({ id }) => id);
    expect(failed.length).toBeGreaterThan(0);
    const all = await run(['retry', '--all-failed']);
    expect(all).toMatchObject({ code: 0, stderr: '' });
    expect(
      all.stdout
        .trim()
        .split('\n')
        .map((row) => row.slice(0, 36))
        .toSorted(),
    ).toEqual(failed.toSorted());
    const waited = await runJson(['wait', ...failed, '--timeout', '60']);
    expect(waited.jobs.map(({ state }) => state)).toEqual(failed.map(() => 'failed'));
    const [id] = failed;
    expect(await run(['retry', id!])).toMatchObject({ code: 0, stdout: expect.stringContaining('queued') });
    await run(['wait', id!, '--timeout', '60']);
  });

  test('a wait outlasts a restart of the API', async () => {
    const { id } = (await runJson(['submit', 'gift-card.png'])).jobs[0]!;
    await services.stopApi();
    const child = start(['wait', id, '--timeout', '60']);
    const output = text(child.stdout);
    const closed = once(child, 'close');
    // It has noticed.
    expect(String(await once(child.stderr, 'data'))).toContain('api_unreachable');
    await services.startApi();
    expect(await closed).toEqual([0, null]);
    expect(await output).toContain(`${id}  succeeded`);
  });
});
