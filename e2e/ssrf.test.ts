import { lookup } from 'node:dns/promises';
import { hostname } from 'node:os';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { expectLines, expectProblem, testAftermath } from './src/expectations.ts';
import { type ImageServer, startImageServer } from './src/image-server.ts';
import { type PrivateNames, startPrivateNames, whyNoPrivateNames } from './src/private-names.ts';
import { Stack } from './src/stack.ts';
import { codeLine } from './src/test-images.ts';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Has no answer for anybody: whoever connects to it was let through. */
let canary: ImageServer;
let canary6: ImageServer | undefined;
let names: PrivateNames | undefined;
let namesFolder: string;
let stack: Stack;
const noNames = whyNoPrivateNames();

beforeAll(async () => {
  namesFolder = await mkdtemp(join(tmpdir(), 'glyphmill-names-'));
  names = noNames === undefined ? await startPrivateNames(namesFolder) : undefined;
  if (noNames !== undefined) console.log(`Tests with names that lie are skipped: ${noNames}`);
  stack = await Stack.start({ ...(names && { privateMounts: names.mounts }) });
  const images = new Map(Object.entries(stack.pictures));
  // The same port as the server that is allowed, so that a name that changes sides is a working URL on both.
  canary = await startImageServer({ address: '127.0.0.1', images, token: 'canary', port: stack.images.port });
  canary6 = await startImageServer({ address: '::1', images, token: 'canary', port: canary.port }).catch(
    () => undefined,
  );
});
afterAll(async () => {
  await stack?.stop();
  await canary?.close();
  await canary6?.close();
  names?.close();
  await rm(namesFolder, { recursive: true, force: true });
});

const canaryConnections = () => canary.connections() + (canary6?.connections() ?? 0);
beforeEach(() => {
  expect(canaryConnections()).toBe(0);
});

async function expectRefused(url: string): Promise<void> {
  const answer = await stack.analyze(url);
  expect(answer.status, `${url} → ${answer.text}`).toBe(422);
  expectProblem(answer, 422, 'url_not_allowed');
  expect(canaryConnections(), url).toBe(0);
}

/** Hosts that mean this machine or its neighbors, however they are written. */
const forbiddenHosts = [
  '127.0.0.1',
  '127.1',
  '127.255.255.254',
  '2130706433',
  '0x7f000001',
  '0x7f.1',
  '0177.0.0.1',
  '017700000001',
  '0',
  '0.0.0.0',
  '127.0.0.1.',
  '127。0。0。1',
  '①②⑦.0.0.1',
  '%31%32%37.0.0.1',
  '[::1]',
  '[::]',
  '[0:0:0:0:0:0:0:1]',
  '[::ffff:127.0.0.1]',
  '[::ffff:7f00:1]',
  '[::127.0.0.1]',
  '[64:ff9b::7f00:1]',
  '[2002:7f00:1::]',
  '[fe80::1]',
  '[fd00::1]',
  '[fec0::1]',
  '[ff02::1]',
  '10.0.0.1',
  '172.16.0.1',
  '192.168.0.1',
  '100.64.0.1',
  '169.254.169.254',
  '[::ffff:169.254.169.254]',
  '[fd00:ec2::254]',
  '224.0.0.1',
  '255.255.255.255',
  'localhost',
  'LOCALHOST',
];

describe('addresses that are not public', () => {
  test.each(forbiddenHosts)('%s', async (host) => {
    await expectRefused(`http://${host}:${canary.port}/image/a.png`);
  });

  test('the name of this machine, where it resolves to loopback', async ({ skip }) => {
    const addresses = await lookup(hostname(), { all: true }).catch(() => []);
    if (!addresses.some(({ address }) => address.startsWith('127.'))) skip();
    await expectRefused(`http://${hostname()}:${canary.port}/image/a.png`);
  });

  test.each(['127.0.0.1', '2130706433', '[::1]', '169.254.169.254', 'localhost'])(
    'at the end of a redirect: %s',
    async (host) => {
      const to = `http://${host}:${canary.port}/image/a.png`;
      await expectRefused(stack.images.url('redirect', { to }));
      await expectRefused(stack.images.url('redirect', { to: stack.images.url('redirect', { to }) }));
    },
  );

  test('the one that is allowed still is', async () => {
    expectLines(await stack.analyze(stack.pictureUrl('small')), [codeLine]);
  });
});

describe('URLs that are no image on the web', () => {
  test.each([
    'file:///etc/passwd',
    'ftp://127.0.0.2/a.png',
    'gopher://127.0.0.2:70/1',
    'ws://127.0.0.2/',
    'javascript:alert(1)',
    'blob:http://127.0.0.2/7c7b',
    'unix:/run/redis.sock',
    '//127.0.0.2/a.png',
    '/etc/passwd',
    'http://',
    'http://[::1',
  ])('%s', async (url) => {
    await expectRefused(url);
  });

  test('at the end of a redirect', async () => {
    for (const to of [
      'file:///etc/passwd',
      'ftp://127.0.0.2/a.png',
      'data:image/png;base64,AAAA',
      'gopher://127.0.0.2/',
    ]) {
      await expectRefused(stack.images.url('redirect', { to }));
    }
  });

  test('credentials', async () => {
    const { port } = stack.images;
    const before = stack.images.connections();
    await expectRefused(`http://user:secret@127.0.0.2:${port}/image/a.png`);
    await expectRefused(`http://user@127.0.0.2:${port}/image/a.png`);
    await expectRefused(`http://127.0.0.2:${port}@127.0.0.1:${port}/image/a.png`);
    expect(stack.images.connections()).toBe(before);
    const to = `http://user:secret@127.0.0.2:${port}/image/a.png`;
    await expectRefused(stack.images.url('redirect', { to }));
  });
});

describe.skipIf(noNames !== undefined)('names', () => {
  const url = (host: string, behavior: 'image' | 'redirect' = 'image', to?: string) =>
    stack.images.url(behavior, { host, image: 'small', ...(to !== undefined && { to }) });

  test('that resolve to what is allowed are fine', async () => {
    names!.set('good.test', [['127.0.0.2']]);
    expectLines(await stack.analyze(url('good.test')), [codeLine]);
  });

  test('that resolve to loopback, to the metadata service, to a private network', async () => {
    for (const address of ['127.0.0.1', '169.254.169.254', '10.1.2.3', '0.0.0.0']) {
      names!.set('inside.test', [[address]]);
      await expectRefused(url('inside.test'));
    }
    await expectRefused(url('good.test', 'redirect', url('inside.test')));
  });

  test('with one good and one bad address, in either order', async () => {
    const before = stack.images.connections();
    for (const addresses of [
      ['127.0.0.2', '127.0.0.1'],
      ['127.0.0.1', '127.0.0.2'],
    ]) {
      names!.set('mixed.test', [addresses]);
      await expectRefused(url('mixed.test'));
    }
    expect(stack.images.connections()).toBe(before);
  });

  test('that resolve elsewhere once they were checked', async () => {
    names!.set('rebind.test', [['127.0.0.2'], ['127.0.0.1']]);
    expectLines(await stack.analyze(url('rebind.test')), [codeLine]);
    // Asked once: there was no second answer to be led astray by.
    expect(names!.questions('rebind.test')).toBe(1);
    expect(canaryConnections()).toBe(0);
    await expectRefused(url('rebind.test'));
  });

  test('that resolve elsewhere at the next redirect', async () => {
    names!.set('hop.test', [['127.0.0.2'], ['127.0.0.1']]);
    await expectRefused(url('hop.test', 'redirect', url('hop.test')));
  });

  test('that do not exist, or have no address', async () => {
    expectProblem(await stack.analyze(url('nobody.test')), 424, 'download_failed');
    names!.set('empty.test', [[]]);
    expectProblem(await stack.analyze(url('empty.test')), 424, 'download_failed');
  });
});

testAftermath(() => stack);
