import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFile, mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { makeCertificates } from './src/certificates.ts';
import { KubernetesClient } from './src/kubernetes-client.ts';

const needsOpenssl = spawnSync('openssl', ['version']).status !== 0;

let folder: string | undefined;
let server: Server | undefined;
let tls: { readonly cert: string; readonly key: string; readonly authority: string };

beforeAll(async () => {
  if (needsOpenssl) return;
  folder = await mkdtemp(`${tmpdir()}/glyphmill-client-`);
  const { authority, server: pair } = await makeCertificates(folder);
  const [cert, key, text] = await Promise.all([pair.certificate, pair.key, authority].map((f) => readFile(f, 'utf8')));
  tls = { cert: cert!, key: key!, authority: text! };
});
afterAll(async () => {
  if (folder !== undefined) await rm(folder, { recursive: true, force: true });
});
afterEach(() => {
  server?.closeAllConnections();
  server?.close();
});

async function connect(answer: Parameters<typeof createServer>[1]): Promise<KubernetesClient> {
  server = createServer(tls, answer).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return new KubernetesClient({ server: `https://127.0.0.1:${port}`, token: 'secret', authority: tls.authority });
}

test.skipIf(needsOpenssl)(
  'what the API server refuses is an error with its words, and what is not there is nothing',
  async () => {
    const client = await connect((request, response) => {
      const status = request.headers.authorization === 'Bearer secret' && request.url === '/there' ? 403 : 404;
      response.writeHead(status).end(JSON.stringify({ message: 'not for you' }));
    });
    await expect(client.get('/there')).rejects.toThrow('GET /there: 403 not for you');
    expect(await client.find('/elsewhere')).toBeUndefined();
  },
);

test.skipIf(needsOpenssl)('bodies end where they end, so that the next request is understood', async () => {
  const bodies: string[] = [];
  const client = await connect((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      bodies.push(`${request.method} ${body}`);
      response.end('{}');
    });
  });
  await client.delete('/pod', { gracePeriodSeconds: 0 });
  await client.merge('/pod', { status: 'ä' });
  expect(bodies).toEqual(['DELETE {"gracePeriodSeconds":0}', 'PATCH {"status":"ä"}']);
});

test.skipIf(needsOpenssl)('a watch goes on after its connection was lost, and ends when it is told to', async () => {
  const line = (name: string): string => `${JSON.stringify({ type: 'ADDED', object: { metadata: { name } } })}\n`;
  let connections = 0;
  const client = await connect((_, response) => {
    connections += 1;
    const text = line(`pod-${connections}`);
    // In pieces, as a network does it.
    response.write(text.slice(0, 10));
    setTimeout(() => {
      response.write(text.slice(10));
      if (connections === 1) setTimeout(() => response.destroy(), 20);
    }, 20);
  });
  const ending = new AbortController();
  const seen: string[] = [];
  await client.watch({
    path: '/api/v1/pods',
    signal: ending.signal,
    onEvent: ({ object }) => {
      seen.push(object.metadata.name);
      if (seen.length === 2) ending.abort();
    },
  });
  expect(seen).toEqual(['pod-1', 'pod-2']);
});
