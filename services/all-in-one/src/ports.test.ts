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

it('says that HOST is no address of this machine', async () => {
  await expect(choose({ HOST: '203.0.113.7', PORT: '0', OPS_PORT: '0' })).rejects.toThrow(/no address 203\.0\.113\.7/);
});
