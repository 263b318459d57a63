import { describe, expect, it } from 'vitest';
import { findProgram, findRedisServer, packageManagers } from './redis-server.mjs';

/** A machine with these programs; what a package manager or sudo is asked to do is kept in `ran`. */
function machine({ programs, isRoot = false, sudoWorks = false, installWorks = true }) {
  const present = new Set(programs);
  const ran = [];
  return {
    ran,
    env: {},
    isRoot,
    note: () => {},
    find: (name) => (present.has(name) ? `/usr/bin/${name}` : undefined),
    async run(file, args) {
      const line = [file, ...args].join(' ');
      if (line === 'sudo -n true') return { code: sudoWorks ? 0 : 1, output: '' };
      ran.push(line);
      if (installWorks && line.includes('redis')) present.add('redis-server');
      return { code: installWorks ? 0 : 100, output: 'E: no such package\n' };
    },
  };
}

describe('findRedisServer', () => {
  it('takes what is there, installing nothing', async () => {
    const here = machine({ programs: ['redis-server', 'apt-get'], isRoot: true });
    expect(await findRedisServer(here)).toBe('/usr/bin/redis-server');
    expect(await findRedisServer(machine({ programs: ['valkey-server'] }))).toBe('/usr/bin/valkey-server');
    expect(here.ran).toEqual([]);
  });

  it('obeys REDIS_SERVER, and refuses one that cannot be run', async () => {
    const here = machine({ programs: ['redis-server'] });
    expect(await findRedisServer({ ...here, env: { REDIS_SERVER: process.execPath } })).toBe(process.execPath);
    await expect(findRedisServer({ ...here, env: { REDIS_SERVER: '/nowhere' } })).rejects.toThrow(/\/nowhere/);
  });

  it.each(packageManagers.map(({ program }) => program))('installs with %s as root', async (program) => {
    const here = machine({ programs: [program], isRoot: true });
    expect(await findRedisServer(here)).toBe('/usr/bin/redis-server');
    expect(here.ran.every((line) => line.startsWith(program))).toBe(true);
  });

  it('uses sudo where that asks for no password', async () => {
    const here = machine({ programs: ['apt-get', 'sudo'], sudoWorks: true });
    expect(await findRedisServer(here)).toBe('/usr/bin/redis-server');
    expect(here.ran[0]).toBe('sudo -n apt-get update');
  });

  it('installs nothing without the right to, and says what to type', async () => {
    const here = machine({ programs: ['apt-get', 'sudo'] });
    await expect(findRedisServer(here)).rejects.toThrow(/sudo apt-get update && sudo apt-get install/);
    expect(here.ran).toEqual([]);
    await expect(findRedisServer(machine({ programs: ['dnf'] }))).rejects.toThrow(/sudo dnf install -y redis/);
  });

  it('says what the package manager said when it fails', async () => {
    const here = machine({ programs: ['apt-get'], isRoot: true, installWorks: false });
    await expect(findRedisServer(here)).rejects.toThrow(/no such package[^]*REDIS_SERVER=/);
  });

  it('says what to do where no package manager is known', async () => {
    await expect(findRedisServer(machine({ programs: [] }))).rejects.toThrow(/no package manager/);
  });
});

it('finds programs on the PATH only when they can be run', () => {
  expect(findProgram('sh', '/nowhere:/bin')).toBe('/bin/sh');
  expect(findProgram('passwd', '/etc')).not.toBe('/etc/passwd');
});
