import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { keepProbing, portOf, probe, type ProbedContainer } from './probe.ts';

let server: Server;
let status = 200;
let target: ProbedContainer;

beforeEach(async () => {
  server = createServer((_, response) => response.writeHead(status).end()).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const container = { name: 'c', image: 'i', ports: [{ name: 'ops', containerPort: port }] };
  target = { container, address: '127.0.0.1', execute: async ([file]) => (file === 'true' ? 0 : 1) };
});
afterEach(() => void server.close());

const ready = { httpGet: { path: '/readyz', port: 'ops' } };

test.each([
  [200, true],
  [302, true],
  [503, false],
])('an answer with %i is a success: %s', async (answered, succeeds) => {
  status = answered;
  expect(await probe(ready, target)).toBe(succeeds);
});

test('connections and commands are probed, too', async () => {
  expect(await probe({ tcpSocket: { port: 'ops' } }, target)).toBe(true);
  expect(await probe({ exec: { command: ['true'] } }, target)).toBe(true);
  expect(await probe({ exec: { command: ['false'] } }, target)).toBe(false);
  server.close();
  await once(server, 'close');
  expect(await probe({ tcpSocket: { port: 'ops' } }, target)).toBe(false);
});

test('a port has to have the name', () => {
  expect(() => portOf('http', target.container)).toThrow('no port named http');
});

test('a verdict needs as many failures in a row as the probe says', async () => {
  const verdicts: boolean[] = [];
  const answers = [503, 200, 503, 503, 503, 200];
  const ending = new AbortController();
  server.prependListener('request', () => {
    status = answers.shift() ?? 200;
  });
  await keepProbing({ ...ready, periodSeconds: 0.01, failureThreshold: 3 }, target, {
    signal: ending.signal,
    onVerdict: (succeeds) => {
      verdicts.push(succeeds);
      if (verdicts.length === 3) ending.abort();
    },
  });
  expect(verdicts).toEqual([true, false, true]);
});
