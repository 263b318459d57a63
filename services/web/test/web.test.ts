import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openStoredJobs, pictureBytes, type StoredJobs } from './stored-jobs.ts';
import { someInbox } from './test-app.ts';
import { startWeb, type WebProcess } from './web-process.ts';

const hostile = '<script>alert(1)</script>"\u202E';

let folder: string;
let web: WebProcess;
let jobs: StoredJobs;

const ask = (path: string, init: RequestInit = {}) =>
  fetch(`${web.url}${path}`, {
    redirect: 'manual',
    ...init,
    headers: { accept: 'text/html', ...(init.headers as Record<string, string>) },
  });
const textOf = async (path: string) => (await ask(path)).text();

async function eventually(check: () => Promise<boolean>, timeoutMs = 30_000): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  while (!(await check())) {
    if (Date.now() > deadline) throw new Error('It did not come');
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'glyphmill-web-'));
  web = await startWeb({ DATA_DIR: folder });
});
afterAll(async () => {
  await jobs?.close();
  await web?.stop();
  rmSync(folder, { recursive: true, force: true });
});

test('it is up before there is a database, says so, and shows what is in it as soon as there is one', async () => {
  const before = await ask('/');
  expect(before.status).toBe(503);
  expect(await before.text()).toContain('http-equiv="refresh"');
  expect((await fetch(`${web.opsUrl}/readyz`)).status).toBe(200);
  expect((await fetch(`${web.opsUrl}/readyz?deep=1`)).status).toBe(503);
  jobs = await openStoredJobs(folder);
  await eventually(async () => (await ask('/')).status === 200);
  expect(await textOf('/')).toContain('No results yet');
});

describe('with a dozen jobs', () => {
  let card: string;
  let broken: string;
  beforeAll(async () => {
    for (let index = 0; index < 8; index++) {
      await jobs.succeed({ name: `old/${index}.png`, texts: [`Page ${index}`, 'Zum goldenen Hirschen'] });
    }
    card = await jobs.succeed({ name: hostile, texts: [hostile, '=1+1', 'STEAM XR56L'] });
    broken = await jobs.fail({ name: 'broken.png', message: hostile });
    await jobs.wait('waiting.png');
  });

  test('the newest come first, and hostile texts are texts', async () => {
    const page = await textOf('/');
    expect([...page.matchAll(/data-key="([^"]+)"/g)].map(([, id]) => id).slice(0, 2)).toEqual([broken, card]);
    expect(page).toContain('&lt;script&gt;alert(1)');
    expect(page).not.toContain('<script>alert');
    expect(page).not.toContain('waiting.png');
    expect(await textOf('/?show=waiting')).toContain('waiting.png');
  });

  test('a search marks its hits', async () => {
    const page = await textOf('/?q=hirsch');
    expect(page.match(/<mark>Hirschen<\/mark>|<mark>Hirsch<\/mark>en/g)).toHaveLength(8);
    expect(await textOf('/?q=nowhere')).toContain('No picture has a line');
  });

  test('one result has its boxes, its picture and its downloads', async () => {
    const page = await textOf(`/results/${card}`);
    expect(page.match(/data-box="\d"/g)).toHaveLength(3);
    for (const kind of ['preview', 'thumbnail']) {
      const picture = await ask(`/pictures/${card}/${kind}`);
      expect(picture.headers.get('content-type')).toBe('image/webp');
      expect(Buffer.from(await picture.arrayBuffer())).toEqual(pictureBytes);
    }
    const csv = await textOf(`/results/${card}.csv`);
    expect(csv).toContain(`\r\n2,'=1+1,`);
    expect(await (await ask(`/results/${card}.json`)).json()).toMatchObject({
      count: 3,
      data: [{ text: hostile }, {}, {}],
    });
  });

  test('failures say why', async () => {
    const page = await textOf('/failures');
    expect(page).toContain('damaged or cut off');
    expect(page).not.toContain('<script>alert');
  });

  test('the status tells of the disk, and what it is not connected to', async () => {
    const page = await textOf('/status');
    expect(page).toMatch(/Free<\/dt>\s*<dd>[\d.]+ (GB|MB|TB)/);
    expect(page).toContain('Not connected');
  });

  test('an open page hears of a new result and can show it', async () => {
    const events = await ask('/events', { headers: { accept: 'text/event-stream' } });
    const reader = events.body!.pipeThrough(new TextDecoderStream()).getReader();
    const changed = async () => {
      for (;;) {
        const { value = '', done } = await reader.read();
        if (done) throw new Error('The stream has ended');
        if (value.includes('event: changed')) return;
      }
    };
    await changed();
    const id = await jobs.succeed({ name: 'fresh.png', texts: ['fresh'] });
    await eventually(async () => {
      await changed();
      return (await textOf('/')).includes(id);
    });
    await reader.cancel();
  });
});

describe('the folder watcher', () => {
  let watcher: Server;
  const asked: string[] = [];
  beforeAll(async () => {
    watcher = createServer((request, response) => {
      asked.push(`${request.method} ${request.url}`);
      response.writeHead(request.method === 'POST' ? 202 : 200, { 'content-type': 'application/json' });
      response.end(JSON.stringify(someInbox));
    });
    await new Promise<void>((resolve) => {
      watcher.listen(join(folder, 'ingest.sock'), resolve);
    });
  });
  afterAll(() => watcher.close());

  test('is told to look through the folder, by this page alone', async () => {
    await eventually(async () => (await textOf('/status')).includes('action="/scan"'));
    const foreign = await ask('/scan', { method: 'POST', headers: { origin: 'http://evil.example' } });
    expect(foreign.status).toBe(403);
    expect(asked).not.toContain('POST /scan');
    const own = await ask('/scan', { method: 'POST', headers: { origin: web.url } });
    expect([own.status, own.headers.get('location')]).toEqual([303, '/status']);
    expect(asked).toContain('POST /scan');
  });
});

test('it needs less than 200 MB, tells its figures, logs no text, and stops at once though pages are open', async () => {
  await Promise.all(Array.from({ length: 100 }, () => textOf('/')));
  const status = readFileSync(`/proc/${web.child.pid}/status`, 'utf8');
  expect(Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1])).toBeLessThan(200_000);
  expect(await (await fetch(`${web.opsUrl}/metrics`)).text()).toMatch(
    /http_requests_total\{[^}]*route="\/results\/:id/,
  );
  expect(web.output()).toContain('"route":"/"');
  for (const secret of ['hirsch', 'script', 'STEAM', 'q=']) expect(web.output()).not.toContain(secret);
  await ask('/events');
  web.child.kill('SIGTERM');
  expect(await web.exited).toBe(0);
});
