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
  const { api, apiOps, workerOps } = await choose({ PORT: '0', OPS_PORT: '0' });
  expect(Math.min(api, apiOps, workerOps)).toBeGreaterThan(0);
});

it('names the port that is taken and the setting that moves it', async () => {
  taken = createServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  const { port } = taken.address() as AddressInfo;
  await expect(choose({ PORT: String(port), OPS_PORT: '0' })).rejects.toThrow(
    new RegExp(`Port ${port} on 127.0.0.1.*API.*taken[^]*PORT=${port + 1} npm start`),
  );
  await expect(choose({ PORT: '0', OPS_PORT: String(port) })).rejects.toThrow(/OPS_PORT=/);
});

it.each([
  [
    { PORT: '21010', OPS_PORT: '21010' },
    /Port 21010 is meant for the API .* and for the API's[^]*PORT=21012 npm start/,
  ],
  [{ PORT: '21011', OPS_PORT: '21010' }, /Port 21011 is meant for the API .* and for the worker's[^]*PORT=21012 npm/],
  [{ PORT: '65534', OPS_PORT: '65534' }, /[^_]PORT=65533 npm start/],
  [{ OPS_PORT: '65535' }, /no room for the worker's[^]*OPS_PORT=65525 npm start/],
  [{ PORT: '65525', OPS_PORT: '65535' }, /OPS_PORT=65515 npm start/],
])('refuses %j before anything starts', async (env, message) => {
  await expect(choose(env)).rejects.toThrow(message);
});

it('advises no port that does not exist or that is meant for something else', async () => {
  taken = createServer();
  // The last ports of all: free on most machines; where one is taken, it is taken, too.
  taken.on('error', () => undefined).listen(65_535, '127.0.0.1');
  await Promise.race([once(taken, 'listening'), once(taken, 'error')]);
  await expect(choose({ PORT: '65535', OPS_PORT: '0' })).rejects.toThrow(/[^_]PORT=65534 npm start/);
  await expect(choose({ PORT: '65535', OPS_PORT: '65533' })).rejects.toThrow(/[^_]PORT=65532 npm start/);
});

it('says that HOST is no address of this machine', async () => {
  await expect(choose({ HOST: '203.0.113.7', PORT: '0', OPS_PORT: '0' })).rejects.toThrow(/no address 203\.0\.113\.7/);
});
