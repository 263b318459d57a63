import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { askRedis, eventually, isRunning, killIfRunning, startInstance, type Instance } from './instance.ts';

const ready = 'Glyphmill is ready.';
let folder: string;
let started: Instance[];

function start(env: Record<string, string> = {}, args: string[] = []): Instance {
  const instance = startInstance({ DATA_DIR: folder, ...env }, { args });
  started.push(instance);
  return instance;
}

async function startReady(env: Record<string, string> = {}, args: string[] = []): Promise<Instance> {
  const instance = start(env, args);
  await instance.says(ready);
  return instance;
}

/** The children and the children's children. */
function pidsOf(instance: Instance): number[] {
  return instance.records().flatMap(({ child, engine }) => [child, engine].filter((pid) => pid !== undefined));
}

const socket = () => path.join(folder, 'run/redis.sock');

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'gm-aio-'));
  started = [];
});

afterEach(async () => {
  for (const instance of started) {
    instance.process.kill('SIGKILL');
    await instance.exited;
    pidsOf(instance).forEach(killIfRunning);
  }
  rmSync(folder, { recursive: true, force: true });
});

describe('starting', () => {
  it('starts Redis and the services in their order and says what is where', async () => {
    const instance = await startReady();
    const order = instance.records().flatMap(({ msg = '' }) => /^(\w+) is ready$/.exec(msg)?.[1] ?? []);
    expect(order).toEqual(['redis', 'worker', 'api', 'ingest', 'web']);
    expect(instance.output()).toMatch(/http:\/\/127\.0\.0\.1:\d+\/analyze/);
    expect(instance.output()).toContain(folder);
    expect(statSync(folder).mode & 0o777).toBe(0o700);
  });

  it('runs a Redis that is reachable by its socket only and keeps nothing on disk', async () => {
    await startReady();
    expect(statSync(socket()).mode & 0o077).toBe(0);
    expect(await askRedis(socket(), 'CONFIG GET port')).toContain('\r\n0\r\n');
    expect(await askRedis(socket(), 'CONFIG GET save')).toMatch(/\$0\r\n\r\n$/);
    expect(await askRedis(socket(), 'CONFIG GET appendonly')).toContain('no');
    expect(await askRedis(socket(), 'CONFIG GET maxmemory-policy')).toContain('noeviction');
  });

  it('gives each child only what it needs', async () => {
    const secrets = {
      BASIC_AUTH_USERNAME: 'me',
      BASIC_AUTH_PASSWORD: 'swordfish',
      WEBHOOK_SECRET: 'swordfish and chips',
      DATABASE_URL: 'postgres://me:swordfish@db/jobs',
      OTHER_SECRET: 'x',
      MODEL: 'tiny',
      INBOX_DIR: path.join(folder, 'pictures'),
      INGEST_AFTER: 'move',
    };
    const instance = await startReady(secrets);
    const namesOf = (service: string) =>
      instance.records().find((record) => record.service === service && record.names)?.names ?? [];
    // What a child writes may arrive after it was found ready.
    await eventually(() => [namesOf('api'), namesOf('worker')].every((names) => names.length > 0));
    expect(namesOf('api')).toContain('BASIC_AUTH_PASSWORD');
    expect(namesOf('worker')).toContain('MODEL');
    expect(namesOf('ingest')).toEqual(expect.arrayContaining(['INBOX_DIR', 'INGEST_AFTER']));
    expect(namesOf('web')).toEqual(expect.arrayContaining(['WEB_PORT', 'BASIC_AUTH_PASSWORD']));
    for (const service of ['api', 'worker', 'ingest', 'web']) {
      expect(namesOf(service)).toEqual(expect.arrayContaining(['DATA_DIR', 'DATABASE_URL']));
    }
    for (const name of ['BASIC_AUTH_USERNAME', 'BASIC_AUTH_PASSWORD', 'WEBHOOK_SECRET', 'OTHER_SECRET']) {
      for (const service of ['worker', 'ingest']) expect(namesOf(service)).not.toContain(name);
    }
    for (const service of ['api', 'web']) expect(namesOf(service)).not.toContain('OTHER_SECRET');
    expect(namesOf('web')).not.toContain('WEBHOOK_SECRET');
    expect(readFileSync(`/proc/${instance.childPid('redis')}/environ`, 'latin1')).not.toMatch(
      /swordfish|OTHER_SECRET|HOME=/,
    );
    expect(instance.output()).not.toContain('swordfish');
  });

  it('starts no Redis where REDIS_URL names one', async () => {
    const instance = await startReady({ REDIS_URL: 'redis://127.0.0.1:1' });
    expect(instance.childPid('redis')).toBe(0);
    expect(existsSync(socket())).toBe(false);
  });

  it('works in a folder whose path is too long for a socket, and holds spaces', async () => {
    const long = path.join(folder, 'a folder with a long name '.repeat(5).trim());
    const instance = await startReady({ DATA_DIR: long, TMPDIR: folder });
    instance.process.kill('SIGTERM');
    expect(await instance.exited).toBe(0);
    expect(readdirSync(folder).filter((name) => name.startsWith('glyphmill-'))).toEqual([]);
  });
});

describe('what keeps it from starting', () => {
  it('refuses a second instance on the same folder, naming the first', async () => {
    const first = await startReady();
    const second = start();
    expect(await second.exited).toBe(1);
    expect(second.output()).toContain(`already runs on the data folder ${folder} (process ${first.process.pid})`);
    expect(await askRedis(socket(), 'PING')).toContain('PONG');
  });

  it('lets two instances run on folders of their own', async () => {
    await startReady();
    await startReady({ DATA_DIR: path.join(folder, 'other') });
  });

  it('names the port that is taken and the setting for another one', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    const instance = start({ PORT: String(port) });
    expect(await instance.exited).toBe(1);
    expect(instance.output()).toMatch(new RegExp(`Port ${port} .*taken[^]*PORT=${port + 1} npm start`));
    expect(pidsOf(instance)).toEqual([]);
    server.close();
  });

  it('names ports of its own that clash', async () => {
    const instance = start({ PORT: '21010', OPS_PORT: '21010' });
    expect(await instance.exited).toBe(1);
    expect(instance.output()).toMatch(/Port 21010 is meant for the API/);
    expect(pidsOf(instance)).toEqual([]);
  });

  it("names every bad setting, its children's too, before anything starts", async () => {
    const instance = start({ MODEL: 'huge', OPS_PORT: 'x', FETCH_ALLOW_CIDRS: '10.0.0.1', ALLOWED_HOSTS: '?' });
    expect(await instance.exited).toBe(1);
    for (const name of ['MODEL', 'OPS_PORT', 'FETCH_ALLOW_CIDRS', 'ALLOWED_HOSTS']) {
      expect(instance.output()).toContain(`  ${name}: expected `);
    }
    expect(pidsOf(instance)).toEqual([]);
  });

  it('stops all and shows the last words of a service that does not come up', async () => {
    const instance = start({}, ['service', 'broken']);
    expect(await instance.exited).toBe(1);
    expect(instance.output()).toMatch(/api ended at once \(exit code 1\)[^]*MODEL: expected one of small, tiny/);
    expect(instance.records().find(({ msg }) => msg === 'Bad settings in the environment:')?.level).toBe('error');
    expect(pidsOf(instance).filter(isRunning)).toEqual([]);
  });

  it('says so when there is no redis-server', async () => {
    const instance = start({ REDIS_SERVER: '/nowhere/redis-server' });
    expect(await instance.exited).toBe(1);
    expect(instance.output()).toContain('/nowhere/redis-server');
  });
});

describe('stopping', () => {
  it.each(['SIGTERM', 'SIGINT'] as const)('stops everything in reverse order on %s', async (signal) => {
    const instance = await startReady();
    instance.process.kill(signal);
    // As npm and a shell do, which pass the same request on.
    instance.process.kill(signal);
    expect(await instance.exited).toBe(0);
    const order = instance.records().flatMap(({ msg = '' }) => /^Stopped (\w+)$/.exec(msg)?.[1] ?? []);
    expect(order).toEqual(['web', 'ingest', 'api', 'worker', 'redis']);
    expect(instance.records().filter(({ msg }) => msg === 'SIGTERM')).toHaveLength(4);
    expect(pidsOf(instance).filter(isRunning)).toEqual([]);
    expect(readdirSync(folder).toSorted()).toEqual(['all-in-one.lock', 'children']);
    expect(readdirSync(path.join(folder, 'children'))).toEqual([]);
  });

  it('can be stopped while it starts', async () => {
    const instance = start();
    await instance.record(({ msg }) => msg === 'Started worker');
    instance.process.kill('SIGTERM');
    expect(await instance.exited).toBe(0);
    expect(instance.output()).not.toContain(ready);
    expect(pidsOf(instance).filter(isRunning)).toEqual([]);
  });

  it('kills at once what does not stop when it is asked a second time', async () => {
    const instance = await startReady({ DRAIN_GRACE_MS: '600000' }, ['stubborn', 'service']);
    instance.process.kill('SIGTERM');
    await instance.record(({ service, msg }) => service === 'stubborn' && msg === 'SIGTERM');
    await sleep(2_100);
    instance.process.kill('SIGTERM');
    expect(await instance.exited).toBe(0);
    expect(pidsOf(instance).filter(isRunning)).toEqual([]);
  });
});

describe('faults', () => {
  it.each(['redis', 'worker', 'api', 'ingest', 'web'])('starts %s again when it is killed', async (name) => {
    const instance = await startReady();
    const before = instance.childPid(name);
    const readyBefore = instance.records().filter(({ msg }) => msg === `${name} is ready`).length;
    process.kill(before, 'SIGKILL');
    await eventually(
      () => instance.records().filter(({ msg }) => msg === `${name} is ready`).length > readyBefore,
      instance.output,
    );
    expect(instance.childPid(name)).not.toBe(before);
    // An engine that did not notice that its worker died must not stay.
    const engines = instance.records().flatMap(({ engine }) => engine ?? []);
    await eventually(() => engines.filter(isRunning).length === 4);
    instance.process.kill('SIGTERM');
    expect(await instance.exited).toBe(0);
  });

  it('leaves nothing behind when it is killed itself, and starts again at once', async () => {
    const killed = await startReady();
    killed.process.kill('SIGKILL');
    const next = await startReady();
    expect(pidsOf(killed).filter(isRunning)).toEqual([]);
    expect(await askRedis(socket(), 'PING')).toContain('PONG');
    next.process.kill('SIGTERM');
    expect(await next.exited).toBe(0);
  });

  it('leaves nothing behind when it is killed and nobody starts it again, not even what ignores SIGTERM', async () => {
    const killed = await startReady({ DRAIN_GRACE_MS: '0' }, ['stubborn', 'service']);
    const pids = pidsOf(killed);
    expect(pids).toHaveLength(9);
    killed.process.kill('SIGKILL');
    await eventually(() => pids.filter(isRunning).length === 0);
    expect(existsSync(socket())).toBe(false);
  });

  it('ends what a killed instance has left running before it starts its own', async () => {
    const killed = await startReady({ DRAIN_GRACE_MS: '600000' }, ['stubborn', 'service']);
    killed.process.kill('SIGKILL');
    const next = await startReady();
    expect(next.output()).toContain('Ended what a killed instance had left behind');
    expect(pidsOf(killed).filter(isRunning)).toEqual([]);
  });
});
