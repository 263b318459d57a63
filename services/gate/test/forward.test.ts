import { connect, createServer, type Server, type Socket } from 'node:net';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { type Forwarder, startForwarder } from '../src/forward.ts';

const servers: Server[] = [];
const forwarders: Forwarder[] = [];
afterEach(() => {
  for (const forwarder of forwarders.splice(0)) forwarder.cut();
  for (const server of servers.splice(0)) server.close();
});

/** Answers each connection with what it was sent, after the client has ended its side. */
async function echo(): Promise<number> {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    const chunks: Buffer[] = [];
    socket.on('error', () => undefined);
    socket.on('data', (chunk) => chunks.push(chunk));
    socket.on('end', () => socket.end(Buffer.concat(chunks)));
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

async function forwardTo(targetPort: number, limits: { maxConnections?: number; idleTimeoutMs?: number } = {}) {
  const forwarder = await startForwarder({
    host: '127.0.0.1',
    route: { port: 0, targetHost: '127.0.0.1', targetPort },
    maxConnections: 10,
    idleTimeoutMs: 60_000,
    ...limits,
  });
  forwarders.push(forwarder);
  return forwarder;
}

/** What comes back until the other side ends; an error of the connection counts as its end. */
function exchange(port: number, bytes?: Buffer): Promise<Buffer> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    const socket: Socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true }, () => {
      if (bytes) socket.end(bytes);
    });
    socket.on('data', (chunk) => chunks.push(chunk));
    socket.on('error', () => undefined);
    socket.on('end', () => socket.end());
    socket.on('close', () => {
      resolve(Buffer.concat(chunks));
    });
  });
}

test('passes everything both ways, also after the client has ended its side', async () => {
  const { port } = await forwardTo(await echo());
  const bytes = Buffer.alloc(3_000_000, 'glyph');
  expect((await exchange(port, bytes)).equals(bytes)).toBe(true);
});

test('hangs up while the target is away, and serves again when it is back', async () => {
  const targetPort = await echo();
  const server = servers.pop();
  await new Promise((resolve) => server?.close(resolve));
  const { port } = await forwardTo(targetPort);
  expect(await exchange(port, Buffer.from('hello'))).toHaveLength(0);

  const back = createServer((socket) => socket.end('here again'));
  servers.push(back);
  await new Promise<void>((resolve) => back.listen(targetPort, '127.0.0.1', resolve));
  expect(String(await exchange(port, Buffer.from('hello')))).toBe('here again');
});

test('refuses connections beyond its limit', async () => {
  const { port } = await forwardTo(await echo(), { maxConnections: 1 });
  const first = connect({ port, host: '127.0.0.1' });
  await new Promise((resolve) => first.once('connect', resolve));
  expect(await exchange(port)).toHaveLength(0);
  first.destroy();
});

test('closes what stands idle', async () => {
  const { port } = await forwardTo(await echo(), { idleTimeoutMs: 50 });
  expect(await exchange(port)).toHaveLength(0);
});

test('lets open connections end before it is drained', async () => {
  const forwarder = await forwardTo(await echo());
  const socket = connect({ port: forwarder.port, host: '127.0.0.1', allowHalfOpen: true });
  await new Promise((resolve) => socket.once('connect', resolve));
  let isDrained = false;
  const drained = forwarder.drain().then(() => (isDrained = true));
  const answer = new Promise((resolve) => socket.once('data', resolve));
  socket.end('late');
  expect(String(await answer)).toBe('late');
  expect(isDrained).toBe(false);
  socket.destroy();
  await drained;
});
