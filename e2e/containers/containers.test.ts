import { copyFile, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventually } from '../src/eventually.ts';
import { codeLine, giftCardLines, loadTestImages } from '../src/test-images.ts';
import { command } from '../src/command.ts';
import { DockerEngine } from './src/docker-engine.ts';
import { cloneCheckout, expectHardened, Installation, services } from './src/installation.ts';
import { findMirrors } from './src/mirrors.ts';
import { Pc } from './src/pc.ts';
import { findPrograms, type Programs } from './src/programs.ts';
import { startStranger, type Stranger } from './src/stranger.ts';

const programs = await findPrograms();
if (typeof programs === 'string') console.warn(`The tests of the containers are skipped: ${programs}`);

const minutes = 60_000;
const root = fileURLToPath(new URL('../../', import.meta.url));
const giftCard = path.join(root, 'packages/ocr/samples/gift-card.png');
const baseImage = 'glyphmill-base:bookworm';

/**
 * What the gate sends on purpose does leave the PC, by an address that no answer finds; there is no code in it that would.
 * Its questions for names do not.
 */
const isOfTheGate = (line: string): boolean => line.startsWith('udp hello-gate');

/** One PC, from an empty Docker engine to a bundle that was installed without a network; each test goes on from the last. */
describe.skipIf(typeof programs === 'string')('containers', () => {
  let pc: Pc;
  let engine: DockerEngine;
  let stranger: Stranger;
  let online: Installation;
  let offline: Installation;
  let mirrors: Readonly<Record<string, string>>;
  let pictures = 0;

  beforeAll(async () => {
    pc = await Pc.create();
    engine = await DockerEngine.create(programs as Programs, pc);
    await engine.start();
    stranger = await startStranger(pc, giftCard);
    mirrors = await findMirrors(`${engine.folder}/mirrors`);
    console.log(await engine.docker(['compose', 'version']));
    console.log(
      `Docker ${await engine.docker(['version', '--format', 'client {{.Client.Version}}, engine {{.Server.Version}}'])}`,
    );
  }, 3 * minutes);

  afterAll(async () => {
    stranger?.close();
    if (process.env['E2E_KEEP'] === '1')
      console.log(`Kept: DOCKER_HOST=${engine.env['DOCKER_HOST']}, network ${pc.name}`);
    else {
      await engine?.remove();
      await pc?.close();
    }
  }, 3 * minutes);

  /** What a line prints in a container of its own, by bash as root and without a network. */
  function runAlone(image: string, line: string): Promise<string> {
    const options = ['--rm', '--network=none', '--user=0', '--entrypoint=bash'];
    return engine.docker(['run', ...options, image, '-c', line], { mayFail: true });
  }

  /** Puts a picture nobody has seen yet into the inbox and waits until it was read. */
  async function expectWorkGoesOn(installation: Installation): Promise<void> {
    pictures += 1;
    const before = await eventually(async () => (await installation.countRead()) + 1, {
      timeoutMs: 1 * minutes,
      what: 'the API',
    });
    const { small } = await loadTestImages();
    // Other pixels, so that it is another reading.
    const bytes = await sharp(small).extend({ bottom: pictures, background: '#fff' }).png().toBuffer();
    await writeFile(`${installation.folder}/inbox/picture-${pictures}.png`, bytes);
    await eventually(async () => (await installation.countRead()) >= before, {
      timeoutMs: 2 * minutes,
      everyMs: 500,
      what: `picture ${pictures} to be read`,
    });
    await installation.pageShows('/', `picture-${pictures}.png`);
  }

  test(
    'a base image is made without a registry of images',
    async () => {
      await pc.run([`${root}tools/base-image.sh`, baseImage], { env: engine.env });
      const leftovers = await runAlone(
        baseImage,
        'cat /etc/apt/sources.list* /etc/apt/*/*.{list,sources} /etc/apt/apt.conf',
      );
      expect(leftovers).toBe('');
    },
    10 * minutes,
  );

  test(
    'compose up --build -d from a clean clone brings everything up',
    async () => {
      const folder = `${engine.folder}/checkout`;
      await cloneCheckout(root, folder);
      const env = { BASE_IMAGE: baseImage, ...mirrors, COMPOSE_FILE: 'docker-compose.yml:compose.mirrors.yml' };
      online = new Installation({ folder, engine, pc, env: { ...env, FETCH_ALLOW_CIDRS: '198.51.100.0/24' } });
      offline = online.with('compose.offline.yml');
      const startedAt = Date.now();
      await online.compose('up', '--build', '-d');
      console.log(`Built and started in ${Math.round((Date.now() - startedAt) / 1000)} s`);
      await online.becomesHealthy();
      console.log(await engine.docker(['images', '--format', '{{.Repository}} {{.Size}}']));
      expect((await pc.request({ port: 8000, path: '/' })).json).toMatchObject({ status: 'ok' });
      expect((await pc.request({ port: 5000, path: '/' })).status).toBe(200);
    },
    30 * minutes,
  );

  test('no image holds a secret of its build, nor where its packages came from', async () => {
    const npmrc = mirrors['NPMRC'] === undefined ? '' : await readFile(mirrors['NPMRC'], 'utf8');
    const registry = /^registry=(.*)$/m.exec(npmrc)?.[1];
    for (const service of services) {
      const image = `glyphmill/${service}:local`;
      const history = await engine.docker(['history', '--no-trunc', image]);
      if (registry !== undefined) expect(history).not.toContain(registry);
      const found = await runAlone(
        image,
        'cat /etc/apt/sources.list* /etc/apt/*/*.{list,sources}; ls -A /run/secrets; find / -xdev -name .npmrc -not -path "/proc/*"',
      );
      expect(found, image).toBe('');
    }
  });

  test('containers have no rights and bounds to what they use', async () => {
    for (const service of services) expectHardened(await online.inspect(service));
    expect(await online.shell('api', 'touch /app/x /x /etc/x 2>&1; id -u')).toMatch(/Read-only[^]*\n1000$/);
    expect(await online.shell('ingest', 'touch /inbox/x 2>&1')).toMatch(/Read-only/);
    expect(await online.shell('web', 'touch /data/x 2>&1')).toMatch(/Read-only/);
    const published = await Promise.all(
      services.map(async (name) => (await online.inspect(name)).HostConfig.PortBindings),
    );
    expect(published.flatMap((bindings) => Object.values(bindings ?? {}).flat())).toEqual([
      { HostIp: '127.0.0.1', HostPort: '5000' },
      { HostIp: '127.0.0.1', HostPort: '8000' },
    ]);
  });

  test('a page of another name drives neither of them', async () => {
    for (const port of [8000, 5000]) {
      const { status } = await pc.request({ port, path: '/jobs', headers: { host: 'evil.example' } });
      expect(status).toBe(403);
    }
  });

  test(
    'POST /analyze reads, from a URL too',
    async () => {
      expect(await online.analyzeFile(giftCard)).toMatchObject({ status: 200, lines: giftCardLines });
      expect(await online.analyze(`http://${Pc.strangerAddress}/card.png`)).toMatchObject({
        status: 200,
        lines: giftCardLines,
      });
    },
    2 * minutes,
  );

  test(
    'a picture in the inbox is found on the page',
    async () => {
      await copyFile(giftCard, `${online.folder}/inbox/card.png`);
      await online.pageShows('/', 'card.png');
      expect(await online.pageShows('/?q=steam', 'card.png', '<mark')).not.toContain('No result');
      await expectWorkGoesOn(online);
    },
    4 * minutes,
  );

  test(
    'only the worker reaches out',
    async () => {
      // From here on the stranger is also the engine's name server.
      await engine.stop();
      await engine.start(['--dns', Pc.strangerAddress]);
      await online.becomesHealthy();
      stranger.takeSightings();
      expect(await online.tryToGetOut()).toEqual(['worker']);
      const seen = stranger.takeSightings();
      expect(seen.filter((line) => line.startsWith('tcp'))).toEqual(['tcp /worker']);
      expect(seen.filter((line) => line.includes('hello') && !isOfTheGate(line))).toEqual(['udp hello-worker ']);
      const askers = seen.flatMap((line) => /question-\w+/.exec(line) ?? []);
      expect([...new Set(askers)]).toEqual(['question-worker']);
    },
    5 * minutes,
  );

  test.each(services)(
    '%s is killed, comes back, and work goes on',
    async (service) => {
      await online.kill(service);
      await online.becomesHealthy();
      await expectWorkGoesOn(online);
    },
    5 * minutes,
  );

  test('the log has one line for each job and no word of what was read', async () => {
    const log = await online.compose('logs', '--no-color', '--no-log-prefix');
    expect(log).not.toContain(codeLine);
    expect(log).not.toContain('STEAM');
    const pages = log.split('\n').filter((line) => line.includes('"msg":"page"'));
    const ids = pages.map((line) => /"jobId":"([^"]+)"/.exec(line)?.[1]);
    expect(ids.length).toBeGreaterThanOrEqual(pictures + 3);
    // A page whose worker was killed has a line of its second run only.
    expect(new Set(ids).size).toBe(ids.length);
  });

  test(
    'offline, nothing reaches out, and all else works',
    async () => {
      await offline.compose('up', '-d', '--no-build');
      await offline.becomesHealthy();
      stranger.takeSightings();
      expect(await offline.tryToGetOut()).toEqual([]);
      expect(stranger.takeSightings().filter((line) => !isOfTheGate(line))).toEqual([]);
      expect(await offline.analyze(`http://${Pc.strangerAddress}/card.png`)).toMatchObject({ status: 424 });
      expect(await offline.analyzeFile(giftCard)).toMatchObject({ status: 200, lines: giftCardLines });
      await expectWorkGoesOn(offline);
    },
    6 * minutes,
  );

  test(
    'the PC is turned off and on without a network, and all is there again',
    async () => {
      await pc.pullTheCable();
      await engine.stop();
      await engine.start();
      await offline.becomesHealthy();
      await offline.pageShows('/?q=steam', 'card.png');
      await expectWorkGoesOn(offline);
      await offline.compose('up', '--build', '-d');
      await offline.becomesHealthy();
    },
    8 * minutes,
  );

  test(
    'the bundle installs itself on a PC without internet',
    async () => {
      const archive = `${engine.folder}/bundle.tar`;
      await command(`${offline.folder}/tools/bundle.sh`, [archive], { env: engine.env });
      await offline.compose('down', '--volumes', '--timeout', '5');
      await engine.docker(['system', 'prune', '--all', '--force', '--volumes']);
      expect(await engine.docker(['images', '--quiet'])).toBe('');

      const place = `${engine.folder}/elsewhere`;
      await mkdir(place);
      await command('tar', ['xf', archive, '-C', place]);
      const [name = ''] = await readdir(place);
      const folder = path.join(place, name);
      const startedAt = Date.now();
      console.log(await command('sh', ['-c', './install.sh 2>&1'], { cwd: folder, env: engine.env }));
      const size = (await command('du', ['-m', archive])).split('\t')[0];
      console.log(`Bundle: ${size} MB, installed in ${Math.round((Date.now() - startedAt) / 1000)} s`);

      const installed = new Installation({ folder, engine, pc, env: {} });
      expect(await installed.analyzeFile(giftCard)).toMatchObject({ status: 200, lines: giftCardLines });
      await copyFile(giftCard, `${folder}/inbox/card.png`);
      await installed.pageShows('/?q=steam', 'card.png');
      await pc.connect();
      stranger.takeSightings();
      expect(await installed.tryToGetOut()).toEqual([]);
      expect(stranger.takeSightings().filter((line) => !isOfTheGate(line))).toEqual([]);

      await writeFile(
        `${folder}/.env`,
        `${await readFile(`${folder}/.env`, 'utf8')}BASIC_AUTH_USERNAME=clerk\nBASIC_AUTH_PASSWORD=secret\n`,
      );
      await command('./install.sh', [], { cwd: folder, env: engine.env });
      for (const [port, where] of [
        [8000, '/jobs'],
        [5000, '/'],
      ] as const) {
        expect((await pc.request({ port, path: where })).status).toBe(401);
        const authorization = `Basic ${Buffer.from('clerk:secret').toString('base64')}`;
        expect((await pc.request({ port, path: where, headers: { authorization } })).status).toBe(200);
      }
      await installed.compose('down', '--volumes', '--timeout', '5');
    },
    20 * minutes,
  );
});
