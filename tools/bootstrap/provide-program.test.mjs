import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { findProgram, foldersLike } from './find-program.mjs';
import { provideProgram } from './provide-program.mjs';
import { packageManagers, systemPrograms } from './system-programs.mjs';

/** What each of them looks like once it is there. */
const kinds = {
  redis: { file: 'redis-server', answer: { REDIS_SERVER: '/usr/bin/redis-server' } },
  postgres: { file: 'initdb', answer: { POSTGRES_BIN: '/usr/lib/postgresql/15/bin' } },
  chromium: { file: 'chromium', answer: { CHROMIUM: '/usr/bin/chromium' } },
  prometheus: { file: 'prometheus', answer: { PROMETHEUS_BIN: '/usr/bin' } },
  valgrind: { file: 'valgrind', answer: { VALGRIND: '/usr/bin/valgrind' } },
};
const names = Object.keys(kinds);

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
    // Out of the PATH, where the real machine of a test may have one too.
    look(find) {
      if (present.has('initdb')) return '/usr/lib/postgresql/15/bin';
      if (present.has('prometheus')) return '/usr/bin';
      return find('chromium') ?? find('valgrind') ?? systemPrograms.redis.look(find);
    },
    async run(file, args) {
      const line = [file, ...args].join(' ');
      if (line === 'sudo -n true') return { code: sudoWorks ? 0 : 1, output: '' };
      ran.push(line.replace('env DEBIAN_FRONTEND=noninteractive UCF_FORCE_CONFFOLD=1 ', ''));
      if (installWorks && / (redis|redis-server)$/.test(line)) present.add('redis-server');
      if (installWorks && /postgresql(-server|@\d+)?$/.test(line)) present.add('initdb');
      if (installWorks && / (golang-github-)?prometheus(-prometheus)?$/.test(line)) present.add('prometheus');
      if (installWorks && line.endsWith(' valgrind')) present.add('valgrind');
      if (installWorks && / (chromium|google-chrome)/.test(line)) present.add('chromium');
      return { code: installWorks ? 0 : 100, output: 'E: no such package\n' };
    },
  };
}

describe.each(names)('%s', (name) => {
  const { file, answer } = kinds[name];
  const { variable, instead } = systemPrograms[name];

  it('is taken where it is there, and nothing installed', async () => {
    const here = machine({ programs: [file, 'apt-get'], isRoot: true });
    expect(await provideProgram(name, here)).toEqual(answer);
    expect(here.ran).toEqual([]);
  });

  it.runIf(instead)('is not looked for where a server was named instead', async () => {
    const here = machine({ programs: ['apt-get'], isRoot: true });
    expect(await provideProgram(name, { ...here, env: { [instead.variable]: 'a://b' } })).toEqual({});
    expect(here.ran).toEqual([]);
  });

  it('is refused where it was said to be and is not', async () => {
    const here = machine({ programs: [file] });
    await expect(provideProgram(name, { ...here, env: { [variable]: '/nowhere' } })).rejects.toThrow(/\/nowhere/);
  });

  it.each(packageManagers.map(({ program }) => program))('is installed with %s as root', async (program) => {
    const here = machine({ programs: [program], isRoot: true });
    expect(await provideProgram(name, here)).toEqual(answer);
    expect(here.ran.filter((line) => !line.startsWith('sh -c')).every((line) => line.startsWith(program))).toBe(true);
  });

  it('is installed through sudo where that asks for no password', async () => {
    const here = machine({ programs: ['apt-get', 'sudo'], sudoWorks: true });
    expect(await provideProgram(name, here)).toEqual(answer);
    expect(here.ran.every((line) => line.startsWith('sudo -n '))).toBe(true);
    expect(here.ran).toContain('sudo -n apt-get update');
  });

  it('is not installed without the right to: what to type is said', async () => {
    const here = machine({ programs: ['apt-get', 'sudo'] });
    await expect(provideProgram(name, here)).rejects.toThrow(/sudo apt-get update && sudo apt-get install/);
    expect(here.ran).toEqual([]);
    const fedora = machine({ programs: ['dnf'] });
    await expect(provideProgram(name, fedora)).rejects.toThrow(
      `sudo dnf install -y ${systemPrograms[name].packages.dnf}`,
    );
    await expect(provideProgram(name, fedora)).rejects.toThrow(`${variable}=`);
  });

  it('says what the package manager said when it fails', async () => {
    const here = machine({ programs: ['apt-get'], isRoot: true, installWorks: false });
    await expect(provideProgram(name, here)).rejects.toThrow(/no such package/);
    await expect(provideProgram(name, here)).rejects.toThrow(`${variable}=`);
  });

  it('says what to do where no package manager is known', async () => {
    await expect(provideProgram(name, machine({ programs: [] }))).rejects.toThrow(/no package manager/);
  });
});

it('takes Valkey for Redis', async () => {
  const here = machine({ programs: ['valkey-server'] });
  expect(await provideProgram('redis', here)).toEqual({ REDIS_SERVER: '/usr/bin/valkey-server' });
});

it('tells Debian to start no Prometheus before it installs it', async () => {
  const here = machine({ programs: ['apt-get'], isRoot: true });
  await provideProgram('prometheus', here);
  expect(here.ran[0]).toContain('systemctl mask prometheus.service');
  expect(here.ran.at(-1)).toContain('prometheus');
});

it("tells Debian to make no cluster before it installs Postgres, and names a server's URL as the other way", async () => {
  const here = machine({ programs: ['apt-get'], isRoot: true });
  await provideProgram('postgres', here);
  expect(here.ran[0]).toContain('create_main_cluster = false');
  await expect(provideProgram('postgres', machine({ programs: ['apt-get'] }))).rejects.toThrow(/TEST_DATABASE_URL=/);
});

describe('what is on a real machine', () => {
  it('is found on the PATH only when it can be run', () => {
    expect(findProgram('sh', '/nowhere:/bin')).toBe('/bin/sh');
    expect(findProgram('passwd', '/etc')).not.toBe('/etc/passwd');
  });

  it('is found outside of the PATH, the newest version first', () => {
    const root = mkdtempSync(join(tmpdir(), 'glyphmill-programs-'));
    try {
      for (const version of ['9', '15', '10']) mkdirSync(join(root, version, 'bin'), { recursive: true });
      const folders = ['15', '10', '9'].map((version) => join(root, version, 'bin'));
      expect(foldersLike(`${root}/*/bin`)).toEqual(folders);
      expect(foldersLike(`${root}/nowhere/*/bin`)).toEqual([]);
    } finally {
      rmSync(root, { recursive: true });
    }
  });

  it.each([
    ['postgres', ['initdb', 'postgres']],
    ['prometheus', ['prometheus', 'promtool']],
  ])('is a folder with both programs of %s', (name, files) => {
    const folder = mkdtempSync(join(tmpdir(), 'glyphmill-programs-'));
    try {
      const { look, accepts } = systemPrograms[name];
      for (const file of files) {
        expect(accepts(folder)).toBe(false);
        writeFileSync(join(folder, file), '#!/bin/sh\n');
        chmodSync(join(folder, file), 0o755);
      }
      expect(accepts(folder)).toBe(true);
      expect(look((file) => join(folder, file))).toBe(folder);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
