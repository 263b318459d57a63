import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, openAsBlob, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { startPostgres } from '@glyphmill/test-servers/postgres';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { realMain, startInstance, type Instance } from './instance.ts';

const root = fileURLToPath(new URL('../../../', import.meta.url));
let folder: string;
let instance: Instance;

async function start(env: Record<string, string> = {}): Promise<void> {
  instance = startInstance({ DATA_DIR: folder, ENGINE_PROCESSES: '1', MODEL: 'tiny', ...env }, { main: realMain });
  await instance.says('Glyphmill is ready.');
}

async function stop(): Promise<void> {
  instance.process.kill('SIGTERM');
  await instance.exited;
}

beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'gm real #50%?'));
  await start();
});

afterAll(async () => {
  await stop();
  rmSync(folder, { recursive: true, force: true });
});

it('reads, from a data folder with an odd name, the gift card with the very command that it prints', () => {
  const command = /^ {2}echo [^]*?-d @-$/m.exec(instance.output())?.[0] ?? '';
  const answer: unknown = JSON.parse(execFileSync('/bin/sh', ['-c', command], { cwd: root, encoding: 'utf8' }));
  expect(answer).toMatchObject({ count: 2, data: [{ text: 'STEAM' }, { text: 'XR56L-H4A5Q-87YXF' }] });
});

it('keeps a job, its upload and its lines in the data folder, and still has them after a restart', async () => {
  const id = await acceptedJob();
  const job = await endOf(id);
  expect(job).toMatchObject({ result: { data: [{ text: 'STEAM' }, {}] } });
  for (const name of ['ocr_data.db', 'blobs']) expect(statSync(path.join(folder, name)).mode & 0o077).toBe(0);
  expect(readdirSync(path.join(folder, 'blobs'), { recursive: true })).toContainEqual(
    expect.stringMatching(/[0-9a-f]{64}$/),
  );

  await stop();
  await start();
  expect(await jobOf(id)).toMatchObject({ state: 'succeeded', result: job.result });
});

it('reads what is put into the inbox, and shows it on the page', async () => {
  copyFileSync(path.join(root, 'packages/ocr/samples/alpha.png'), path.join(folder, 'inbox', 'from the scanner.png'));
  const page = /http:\/\/localhost:\d+/.exec(instance.output())?.[0] ?? 'none was printed';
  const pageText = async () => (await fetch(page)).text();
  await expect.poll(pageText, { timeout: 60_000 }).toMatch(
    // In one row.
    /\/pictures\/[\w-]+\/thumbnail"(?:(?!<li)[^])*from the scanner\.png/,
  );
  expect(instance.output()).toContain(`Inbox        ${path.join(folder, 'inbox')}`);
});

it('keeps them in Postgres where DATABASE_URL says so', async () => {
  await stop();
  const postgres = await startPostgres();
  try {
    const dataFolder = path.join(folder, 'for postgres');
    await start({ DATABASE_URL: postgres.url, DATA_DIR: dataFolder });
    const id = await acceptedJob();
    expect(await endOf(id)).toMatchObject({ state: 'succeeded', result: { data: [{ text: 'STEAM' }, {}] } });
    expect(readdirSync(dataFolder)).not.toContain('ocr_data.db');
    expect(instance.output()).toMatch(/Database +the Postgres at DATABASE_URL\n/);
    expect(instance.output()).not.toContain(postgres.url);
  } finally {
    await stop();
    await postgres.stop();
  }
});

async function acceptedJob(): Promise<string> {
  const form = new FormData();
  form.append('file', await openAsBlob(path.join(root, 'packages/ocr/samples/gift-card.png')), 'gift-card.png');
  let id = '';
  // A service is ready before its database is: the very first moments may be too early for a job.
  const post = async (): Promise<number> => {
    const answer = await fetch(`${apiUrl()}/jobs`, { method: 'POST', body: form });
    id = ((await answer.json()) as { id: string }).id;
    return answer.status;
  };
  await expect.poll(post, { timeout: 20_000 }).toBe(202);
  return id;
}

async function endOf(id: string) {
  await expect.poll(async () => (await jobOf(id)).state, { timeout: 60_000 }).toMatch(/succeeded|failed/);
  return jobOf(id);
}

const apiUrl = () => /http:\/\/[\d.]+:\d+(?=\/jobs)/.exec(instance.output())?.[0] ?? 'none was printed';

async function jobOf(id: string): Promise<{ state?: string; result?: unknown }> {
  const answer = await fetch(`${apiUrl()}/jobs/${id}`);
  return (await answer.json()) as { state?: string; result?: unknown };
}
