import { fork } from 'node:child_process';
import { once } from 'node:events';
import { stat } from 'node:fs/promises';
import { type IncomingMessage, request } from 'node:http';
import { join } from 'node:path';
import { createInboxClient, inboxRoutes, inboxStatusSchema } from '@glyphmill/core/inbox';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { eventually, type IngestBench, type IngestProcess, openIngestBench } from './ingest-bench.ts';

let bench: IngestBench;
let ingest: IngestProcess;
let socketPath: string;
beforeAll(async () => {
  bench = await openIngestBench();
  socketPath = join(bench.dataDir, 'ingest.sock');
  // The next scan is far off, so that only what is asked for happens.
  ingest = await bench.start({ env: { INGEST_RESCAN_MS: '600000' } });
  await eventually(async () => (await bench.client.status()).lastScanAt !== undefined);
});
afterAll(() => bench.close());

async function ask(method: string, path: string): Promise<IncomingMessage> {
  const asked = request({ socketPath, method, path, agent: false }).end();
  const [response] = (await once(asked, 'response')) as [IncomingMessage];
  return response;
}

test('the socket is for its owner and group alone', async () => {
  expect((await stat(socketPath)).mode & 0o777).toBe(0o660);
});

test('who pauses stops the taking of files, and nothing else; who resumes lets it go on', async () => {
  expect(await bench.client.pause()).toMatchObject({ state: 'paused' });
  await bench.put('a.png', 'a');
  const before = (await bench.client.status()).lastScanAt;
  await bench.client.scan();
  await eventually(async () => (await bench.client.status()).lastScanAt !== before);
  await eventually(async () => {
    const { waiting, filesSeen, scanning } = await bench.client.status();
    return waiting === 1 && filesSeen === 1 && !scanning;
  });
  expect(await bench.jobs()).toEqual([]);
  expect(await bench.client.resume()).toMatchObject({ state: 'running' });
  await eventually(async () => (await bench.jobs()).length === 1);
  await eventually(async () => (await bench.client.status()).counts?.queued === 1);
});

test('what is no route or no method of it is refused', async () => {
  const statuses = await Promise.all(
    (
      [
        ['GET', '/nothing'],
        ['POST', inboxRoutes.status],
        ['GET', inboxRoutes.scan],
        ['DELETE', inboxRoutes.pause],
        ['POST', inboxRoutes.events],
      ] as const
    ).map(async ([method, path]) => (await ask(method, path)).statusCode),
  );
  expect(statuses).toEqual([404, 405, 405, 405, 405]);
});

test('who listens hears the status at once, and each time that it changes', async () => {
  const events = await ask('GET', inboxRoutes.events);
  expect(events.headers['content-type']).toContain('text/event-stream');
  let text = '';
  events.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
  const heard = () =>
    [...text.matchAll(/^event: status\ndata: (.*)\n\n/gm)].map(([, data = '']) =>
      inboxStatusSchema.parse(JSON.parse(data)),
    );
  await eventually(() => heard()[0]?.state === 'running');
  await bench.client.pause();
  await eventually(() => heard().at(-1)?.state === 'paused');
  await bench.client.resume();
  await eventually(() => heard().at(-1)?.state === 'running');
  events.destroy();
});

test('a second service on the same data folder refuses to start; a socket that was left behind is replaced', async () => {
  await expect(bench.start()).rejects.toThrow('Another ingest service uses this data folder');
  await ingest.kill();
  await expect(bench.client.status()).rejects.toMatchObject({ code: 'inbox_unreachable' });
  ingest = await bench.start();
  await eventually(async () => (await bench.client.status()).state === 'running');
});

test('a second one elsewhere, on the same store, waits until the first is gone', async () => {
  const elsewhere = join(bench.folder, 'elsewhere');
  const second = await bench.start({ env: { DATA_DIR: elsewhere } });
  const client = createInboxClient(join(elsewhere, 'ingest.sock'));
  expect(await client.status()).toMatchObject({ state: 'standby' });
  ingest.child.kill('SIGTERM');
  expect(await ingest.exited).toBe(0);
  await eventually(async () => (await client.status()).state === 'running');
  await expect(stat(socketPath)).rejects.toThrow('ENOENT');
  await second.kill();
});

test('what listens there and is no ingest service is told apart', async () => {
  const path = join(bench.folder, 'other.sock');
  const script = `require('node:http').createServer((_, r) => r.end('{}')).listen(${JSON.stringify(path)}, () => process.send(1))`;
  const other = fork('-e', { execArgv: ['-e', script, '--'] });
  await once(other, 'message');
  await expect(createInboxClient(path).status()).rejects.toMatchObject({ code: 'unexpected_answer' });
  other.kill('SIGKILL');
});
