import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventually } from './src/eventually.ts';
import { expectLines, expectProblem } from './src/expectations.ts';
import { type Answer, sendRequest } from './src/http-client.ts';
import { startImageServer, type ImageServer } from './src/image-server.ts';
import { type JobRequest, toUploadRequest, toUrlRequest } from './src/job-request.ts';
import { searchBytes, searchFolder, type Secret } from './src/leak-search.ts';
import { commandOf, descendantsOf, enginesOf, environOf, isAlive, signalIfAlive } from './src/process-table.ts';
import { freePort, freePortsInARow } from '@glyphmill/test-servers/free-port';
import { ServiceProcess } from './src/service-process.ts';
import { giftCardLines, loadTestImages, toDataUrl } from './src/test-images.ts';

const password = `password-${randomBytes(8).toString('hex')}`;
const token = `token-${randomBytes(6).toString('hex')}`;
const authorization = `Basic ${Buffer.from(`clerk:${password}`).toString('base64')}`;

let folder: string;
let dataDir: string;
let logFolder: string;
let apiPort: number;
let images: ImageServer;
let program: ServiceProcess;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'glyphmill-one-'));
  dataDir = join(folder, 'data');
  logFolder = join(folder, 'logs');
  await mkdir(logFolder);
  apiPort = await freePort();
  images = await startImageServer({
    address: '127.0.0.2',
    images: new Map(Object.entries(await loadTestImages())),
    token,
  });
  program = await start('all-in-one', apiPort, await freePortsInARow(4));
  await program.ready();
});
afterAll(async () => {
  await program?.stop();
  await images?.close();
  await rm(folder, { recursive: true, force: true });
});

/** The ops ports of worker, ingest and page are the ones after the API's. */
async function start(name: string, port: number, opsPort: number): Promise<ServiceProcess> {
  return new ServiceProcess({
    name,
    service: 'all-in-one',
    env: {
      DATA_DIR: dataDir,
      PORT: String(port),
      WEB_PORT: String(await freePort()),
      OPS_PORT: String(opsPort),
      MODEL: 'tiny',
      ENGINE_PROCESSES: '1',
      FETCH_ALLOW_CIDRS: '127.0.0.2/32',
      BASIC_AUTH_USERNAME: 'clerk',
      BASIC_AUTH_PASSWORD: password,
      LOG_LEVEL: 'trace',
    },
    folder,
    logFolder,
    opsPort,
  });
}

function analyze(imageUrl: string): Promise<Answer> {
  return sendRequest({
    port: apiPort,
    method: 'POST',
    path: '/analyze',
    headers: { authorization, 'content-type': 'application/json' },
    body: JSON.stringify({ image_url: imageUrl }),
  });
}

function postJob({ headers, body }: JobRequest): Promise<Answer> {
  return sendRequest({ port: apiPort, method: 'POST', path: '/jobs', headers: { authorization, ...headers }, body });
}

const cardUrl = () => images.url('image', { image: 'giftCard' });

async function expectWorking(): Promise<void> {
  const answer = await eventually(
    async () => {
      const tried = await analyze(cardUrl()).catch(() => undefined);
      return tried?.status === 200 ? tried : undefined;
    },
    { timeoutMs: 90_000, everyMs: 250, what: 'the program to work' },
  );
  expectLines(answer, giftCardLines);
}

const childRunning = (part: string) => descendantsOf(program.pid).find((pid) => commandOf(pid).includes(part));

describe('all-in-one', () => {
  test('reads the gift card, from a URL and as data', async () => {
    expectLines(await analyze(cardUrl()), giftCardLines);
    expectLines(await analyze(toDataUrl((await loadTestImages()).giftCard)), giftCardLines);
  });

  test('a second one on the same data folder says so and ends', async () => {
    const second = await start('second', await freePort(), await freePortsInARow(4));
    const { code } = await second.exited;
    expect(code).toBe(1);
    expect(second.log()).toContain('already runs');
    await expectWorking();
  });

  test.each(['redis-server', 'services/worker', 'services/api', 'services/ingest', 'services/web', 'engine-main'])(
    '%s is started again after kill -9',
    async (part) => {
      const pid = await eventually(() => childRunning(part) ?? false, { timeoutMs: 30_000, what: `${part} to run` });
      process.kill(pid, 'SIGKILL');
      await eventually(() => !isAlive(pid), { timeoutMs: 10_000, what: 'it to be gone' });
      await expectWorking();
      await eventually(() => ![undefined, pid].includes(childRunning(part)), { timeoutMs: 10_000, what: 'another' });
    },
  );

  test('neither text nor URL nor secret is left in the data folder, the logs or an environment', async () => {
    const { giftCard } = await loadTestImages();
    const secrets: Secret[] = [
      { what: 'an image URL', bytes: Buffer.from(token) },
      { what: 'a data URL', bytes: Buffer.from(giftCard.toString('base64').slice(2000, 2040)) },
      { what: 'image bytes', bytes: giftCard.subarray(2000, 2032) },
      { what: 'the text', bytes: Buffer.from(giftCardLines[1]) },
      { what: 'the password', bytes: Buffer.from(password) },
      { what: 'the credentials', bytes: Buffer.from(authorization.slice('Basic '.length)) },
    ];
    expect(await searchFolder(folder, secrets)).toEqual([]);
    const socket: Secret = { what: "Redis' URL", bytes: Buffer.from('redis.sock') };
    const engines = enginesOf(program.pid);
    expect(engines).toHaveLength(1);
    for (const pid of descendantsOf(program.pid)) {
      const mayKnowPassword = /services\/(api|web)/.test(commandOf(pid));
      const forbidden = [
        ...secrets.filter(({ what }) => !(mayKnowPassword && what === 'the password')),
        ...(engines.includes(pid) ? [socket] : []),
      ];
      expect(searchBytes(commandOf(pid), environOf(pid), forbidden)).toEqual([]);
      // Whoever lists the processes sees their arguments.
      expect(searchBytes('a command line', Buffer.from(commandOf(pid)), secrets)).toEqual([]);
    }
  });

  test('stops cleanly under load: callers are answered, and nothing is left', async () => {
    const children = descendantsOf(program.pid);
    expect(children.length).toBeGreaterThanOrEqual(6);
    const pages = Array.from({ length: 4 }, () => analyze(cardUrl()));
    await eventually(() => images.openConnections() > 0, { timeoutMs: 20_000, everyMs: 1, what: 'a download' });
    const stopped = program.stop();
    const answers = await Promise.all(pages);
    for (const answer of answers) {
      if (answer.status === 200) expectLines(answer, giftCardLines);
      else expectProblem(answer, 503, 'queue_unavailable');
    }
    expect(await stopped).toEqual({ code: 0, signal: null });
    expect(children.filter(isAlive)).toEqual([]);
  });

  test('starts again on the same folder', async () => {
    program = await start('again', apiPort, program.opsPort);
    await program.ready();
    await expectWorking();
  });

  test('kill -9 of all of it: jobs that were accepted are read after the next start', async () => {
    const { giftCard } = await loadTestImages();
    const requests = Array.from({ length: 6 }, (_, index) =>
      index % 2 === 0 ? toUploadRequest(giftCard) : toUrlRequest({ image_url: cardUrl() }),
    );
    const accepted = await Promise.all(requests.map(postJob));
    expect(accepted.map(({ status }) => status)).toEqual(requests.map(() => 202));
    // As when the plug is pulled.
    for (const pid of [program.pid, ...descendantsOf(program.pid)]) signalIfAlive(pid, 'SIGKILL');
    await program.exited;
    program = await start('after the cut', apiPort, program.opsPort);
    await program.ready();
    for (const { headers } of accepted) {
      const job = await eventually(
        async () => {
          const answer = await sendRequest({
            port: apiPort,
            path: String(headers['location']),
            headers: { authorization },
          });
          return (answer.json as { state?: string } | undefined)?.state === 'succeeded' && answer;
        },
        { timeoutMs: 60_000, everyMs: 100, what: 'an accepted job to be read' },
      );
      expectLines(job, giftCardLines);
    }
  });
});
