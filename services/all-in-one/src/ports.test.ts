import { once } from 'node:events';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { parseEnvironment } from '@glyphmill/core/config';
import { afterEach, expect, it } from 'vitest';
import { allInOneSettings } from './all-in-one-settings.ts';
import { choosePorts } from './ports.ts';

let taken: Server | undefined;
afterEach(() => taken?.close());

const choose = (env: Record<string, string>) => choosePorts(parseEnvironment(allInOneSettings, env));

it('finds free ones for 0', async () => {
  const { api, web, ops } = await choose({ PORT: '0', WEB_PORT: '0', OPS_PORT: '0' });
  const ports = [api, web, ops.api, ops.worker, ops.ingest, ops.web];
  expect(Math.min(...ports)).toBeGreaterThan(0);
  expect(new Set(ports).size).toBe(ports.length);
});

it('takes four in a row for health and metrics', async () => {
  const first = 21_000 + (process.pid % 1_000) * 4;
  const { ops } = await choose({ PORT: '0', WEB_PORT: '0', OPS_PORT: String(first) });
  expect(ops).toEqual({ api: first, worker: first + 1, ingest: first + 2, web: first + 3 });
});

it('names the port that is taken and the setting that moves it', async () => {
  taken = createServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  const { port } = taken.address() as AddressInfo;
  const others = { PORT: '0', WEB_PORT: '0', OPS_PORT: '0' };
  await expect(choose({ ...others, PORT: String(port) })).rejects.toThrow(
    new RegExp(`Port ${port} on 127.0.0.1.*API.*taken[^]*: PORT=${port + 1} npm start`),
  );
  await expect(choose({ ...others, WEB_PORT: String(port) })).rejects.toThrow(
    new RegExp(`Port ${port} on 127.0.0.1.*page.*taken[^]*: WEB_PORT=${port + 1} npm start`),
  );
  await expect(choose({ ...others, OPS_PORT: String(port) })).rejects.toThrow(/API's health.*taken[^]*: OPS_PORT=/);
});

it.each([
  [
    { PORT: '21010', OPS_PORT: '21010' },
    /Port 21010 is meant for the API .* and for the API's[^]*: PORT=21014 npm start/,
  ],
  [{ PORT: '21011', OPS_PORT: '21010' }, /Port 21011 is meant for the API .* and for the worker's[^]*: PORT=21014 npm/],
  [{ WEB_PORT: '21012', OPS_PORT: '21010' }, /Port 21012 .* the page .* the folder watcher's[^]*: WEB_PORT=21014 npm/],
  [{ WEB_PORT: '21013', OPS_PORT: '21010' }, /Port 21013 .* the page .* the page's health[^]*: WEB_PORT=21014 npm/],
  [
    { PORT: '5000' },
    /Port 5000 is meant for the API \(PORT=5000\) and for the page \(WEB_PORT=5000\)[^]*: PORT=5001 npm/,
  ],
  [{ PORT: '65532', OPS_PORT: '65532' }, /: PORT=65531 npm start/],
  [{ OPS_PORT: '65533' }, /no room for all health[^]*: OPS_PORT=65523 npm start/],
  [{ PORT: '65523', OPS_PORT: '65533' }, /: OPS_PORT=65513 npm start/],
])('refuses %j before anything starts', async (env, message) => {
  await expect(choose(env)).rejects.toThrow(message);
});

it('advises no port that does not exist or that is meant for something else', async () => {
  taken = createServer();
  // The last ports of all: free on most machines; where one is taken, it is taken, too.
  taken.on('error', () => undefined).listen(65_535, '127.0.0.1');
  await Promise.race([once(taken, 'listening'), once(taken, 'error')]);
  await expect(choose({ PORT: '65535', WEB_PORT: '0', OPS_PORT: '0' })).rejects.toThrow(/: PORT=65534 npm start/);
  await expect(choose({ PORT: '65535', WEB_PORT: '65534', OPS_PORT: '65530' })).rejects.toThrow(
    /: PORT=65529 npm start/,
  );
});

it('says that HOST is no address of this machine', async () => {
  await expect(choose({ HOST: '203.0.113.7', PORT: '0', WEB_PORT: '0', OPS_PORT: '0' })).rejects.toThrow(
    /no address 203\.0\.113\.7/,
  );
});
