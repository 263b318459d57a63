import { mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { delay, eventually } from '../src/eventually.ts';
import { expectProblem } from '../src/expectations.ts';
import { type Answer, sendRequest } from '../src/http-client.ts';
import { toUploadRequest } from '../src/job-request.ts';
import { type Pod, Pods } from '../src/pods.ts';
import { textsOf } from '../src/stack.ts';
import { codeLine, giftCardLines, loadTestImages, type TestImages } from '../src/test-images.ts';

/** Nobody has a folder in common with anybody: what one has stored, the others have from the bucket or not at all. */
let pods: Pods;
let pictures: TestImages;
let api: Pod;
let otherApi: Pod;
let worker: Pod;
let web: Pod;

beforeAll(async () => {
  pictures = await loadTestImages();
  pods = await Pods.open();
  api = await pods.start('api');
  [otherApi, worker, web] = await Promise.all([pods.start('api'), pods.start('worker'), pods.start('web')]);
});
afterAll(() => pods?.close());

const upload = (to: Pod, bytes: Uint8Array): Promise<Answer> =>
  sendRequest({ port: to.port, method: 'POST', path: '/jobs', ...toUploadRequest(bytes) });

function idOf(answer: Answer): string {
  expect(answer.status, answer.text).toBe(202);
  return (answer.json as { id: string }).id;
}

async function jobOf(id: string): Promise<{ state: string; answer: Answer }> {
  const answer = await sendRequest({ port: otherApi.port, path: `/jobs/${id}` });
  return { state: (answer.json as { state: string }).state, answer };
}

async function textsOfJob(id: string): Promise<string[]> {
  const { state, answer } = await eventually(
    async () => {
      const job = await jobOf(id);
      return job.state !== 'queued' && job.state !== 'active' && job;
    },
    { timeoutMs: 90_000, everyMs: 200, what: `job ${id} to end` },
  );
  expect(state, answer.text).toBe('succeeded');
  return textsOf(answer);
}

async function expectPictures(id: string): Promise<void> {
  for (const kind of ['preview', 'thumbnail']) {
    const answer = await sendRequest({ port: web.port, path: `/pictures/${id}/${kind}` });
    expect(answer.status, kind).toBe(200);
    expect(answer.headers).toMatchObject({ 'content-type': 'image/webp' });
    expect(answer.text.slice(0, 4)).toBe('RIFF');
  }
}

/** Unlike any other of the same picture, so that no two jobs share a blob: PNG readers pass over what follows its end. */
function anew(bytes: Uint8Array): Buffer {
  return Buffer.concat([bytes, Buffer.from(String(Math.random()))]);
}

test('an upload to one pod is read by another, and a third shows its pictures', async () => {
  const id = idOf(await upload(api, pictures.giftCard));
  expect(await textsOfJob(id)).toEqual(giftCardLines);
  await expectPictures(id);
});

test('the same upload to two pods at once', async () => {
  const bytes = anew(pictures.small);
  const answers = await Promise.all([upload(api, bytes), upload(otherApi, bytes)]);
  for (const id of answers.map(idOf)) expect(await textsOfJob(id)).toEqual([codeLine]);
});

test('a file in the folder of one pod is read by another', async () => {
  const inbox = join(pods.all[0]!.folder, 'inbox');
  await mkdir(inbox);
  await pods.start('ingest', { INBOX_DIR: inbox, INGEST_RESCAN_MS: '500', INGEST_SETTLE_MS: '100' });
  const aside = join(pods.all[0]!.folder, 'aside.png');
  await writeFile(aside, pictures.giftCard);
  await rename(aside, join(inbox, 'card.png'));
  const list = await eventually(
    async () => {
      const { json } = await sendRequest({ port: api.port, path: '/jobs?state=succeeded&limit=50' });
      const { jobs } = json as { jobs: { id: string; source?: { name?: string } }[] };
      return jobs.find(({ source }) => source?.name === 'card.png');
    },
    { timeoutMs: 90_000, everyMs: 300, what: 'the file to be read' },
  );
  expect(await textsOfJob(list.id)).toEqual(giftCardLines);
  await expectPictures(list.id);
});

test.for(['killed', 'hanging'] as const)(
  'the object store %s: uploads are refused, accepted ones wait, and nothing is lost',
  async (fault, { skip }) => {
    skip(!pods.s3.isOurs, 'the server of TEST_S3_URL is not ours to break');
    // Accepted, and not looked at yet.
    worker.process.signal('SIGSTOP');
    const accepted = [];
    for (let index = 0; index < 4; index += 1) accepted.push(idOf(await upload(api, anew(pictures.giftCard))));
    await (fault === 'killed' ? pods.s3.kill() : pods.s3.pause());
    worker.process.signal('SIGCONT');
    const refused = await upload(api, anew(pictures.small));
    expectProblem(refused, 503, 'store_unavailable');
    expect(refused.ms).toBeLessThan(30_000);
    expect((await sendRequest({ port: api.port, path: '/' })).status).toBe(200);
    await eventually(() => worker.process.log().includes('The place of uploads is away'), {
      timeoutMs: 60_000,
      what: 'the worker to notice',
    });
    await delay(2_000);
    for (const id of accepted) expect(['queued', 'active']).toContain((await jobOf(id)).state);
    await (fault === 'killed' ? pods.s3.start() : pods.s3.resume());
    for (const id of accepted) expect(await textsOfJob(id)).toEqual(giftCardLines);
    expect(worker.process.log()).toContain('The place of uploads is back');
    const again = idOf(await upload(api, anew(pictures.giftCard)));
    expect(await textsOfJob(again)).toEqual(giftCardLines);
    await expectPictures(again);
  },
);

test('afterwards nobody died, nothing lies in any pod, and nobody was told the key', async () => {
  const ended = pods.all.filter(({ process }) => process.exit !== undefined).map(({ process }) => process.name);
  expect(ended).toEqual([]);
  // What the test itself has put there, and what the folder watcher calls itself.
  const isFine = (name: string) => name === 'api-1/card.png' || /^ingest-\d\/ingest\.holder$/.test(name);
  expect((await pods.files()).filter((name) => !isFine(name))).toEqual([]);
  expect(await pods.findLeaks()).toEqual([]);
});
