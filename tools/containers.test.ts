import { existsSync, readFileSync } from 'node:fs';
import { load } from 'js-yaml';
import { describe, expect, test } from 'vitest';

const read = (file: string): string => readFileSync(new URL(`../${file}`, import.meta.url), 'utf8');
const dockerfile = read('Dockerfile');
const composeFiles = ['docker-compose.yml', 'compose.offline.yml', 'compose.mirrors.yml'];

/** The lines of a stage of the Dockerfile, without its FROM. */
function stage(name: string): string {
  const [, lines = ''] = new RegExp(`^FROM .* AS ${name}\\n([^]*?)(?=^FROM|(?![^]))`, 'm').exec(dockerfile) ?? [];
  return lines;
}

/** Folders of our packages that a package needs at run time, its own included. */
function workspaceFolders(folder: string): string[] {
  const { dependencies = {} } = JSON.parse(read(`${folder}/package.json`)) as { dependencies?: Record<string, string> };
  const ours = Object.keys(dependencies).filter((name) => name.startsWith('@glyphmill/'));
  const needed = ours.flatMap((name) => workspaceFolders(`packages/${name.slice('@glyphmill/'.length)}`));
  return [...new Set([folder, ...needed])].toSorted();
}

test('images have the Node that the lockfile has', () => {
  const [, locked] = /^ {2}node@([\d.]+):/m.exec(read('pnpm-lock.yaml')) ?? [];
  expect(dockerfile).toContain(`ARG NODE_VERSION=${locked}\n`);
});

describe.each(['api', 'worker', 'ingest', 'web', 'gate'])('the image of %s', (name) => {
  const folders = workspaceFolders(`services/${name}`);

  test('holds the packages that it needs, and no others of ours', () => {
    const copied = [...stage(name).matchAll(/^COPY ((?:packages|services)\/\S+) /gm)].map(([, folder]) => folder!);
    expect(copied.toSorted()).toEqual(folders);
  });

  test('installs what those depend on', () => {
    if (name === 'gate') return;
    const manifests = [
      ...`${stage('manifests')}${stage(`${name}-packages`)}`.matchAll(/COPY (\S+\/\S+)\/package\.json /g),
    ];
    expect(manifests.map(([, folder]) => folder!).toSorted()).toEqual(folders);
    expect(stage(`${name}-packages`)).toContain(`install-service.sh ${name} `);
  });
});

test('what compose takes from the environment is documented', () => {
  const names = composeFiles.flatMap((file) => [...read(file).matchAll(/\$\{(\w+)/g)].map(([, name]) => name!));
  expect(names.length).toBeGreaterThan(10);
  const documented = read('docs/docker.md') + read('docs/configuration.md');
  expect([...new Set(names)].filter((name) => !documented.includes(`\`${name}\``))).toEqual([]);
});

test('no address of a registry stands in what images are made of', () => {
  const files = ['Dockerfile', ...composeFiles, 'tools/base-image.sh', 'tools/bundle.sh', 'docker/install-service.sh'];
  for (const file of [...files, 'docker/install-debian-packages.sh', 'docker/use-npm-secrets.sh']) {
    expect(read(file), file).not.toMatch(/https?:\/\/[a-z0-9]/i);
  }
});

interface ComposeService {
  readonly image: string;
  readonly profiles?: readonly string[];
  readonly networks: readonly string[];
  readonly ports?: readonly string[];
  readonly volumes?: readonly string[];
}

describe('the profile monitoring', () => {
  const { services } = load(read('docker-compose.yml')) as { services: Readonly<Record<string, ComposeService>> };
  const watching = Object.entries(services).filter(([, { profiles = [] }]) => profiles.includes('monitoring'));
  const gates = watching.filter(([, { ports }]) => ports !== undefined);

  test('is Prometheus and Grafana, of versions that do not change, inside, and a gate', () => {
    expect(watching.map(([name]) => name)).toEqual(['prometheus', 'grafana', 'gate-monitoring']);
    for (const [name, { image, networks }] of watching.slice(0, 2)) {
      expect(image, name).toMatch(/:v?\d+\.\d+\.\d+$/);
      expect(networks, name).toEqual(['inside']);
    }
  });

  test('is published for this PC alone: nothing in it asks for a password', () => {
    expect(gates.map(([name]) => name)).toEqual(['gate-monitoring']);
    for (const [, { ports = [], networks }] of gates) {
      expect(networks).toEqual(['inside', 'published']);
      expect(ports.length).toBe(2);
      for (const port of ports) expect(port).toMatch(/^127\.0\.0\.1:/);
    }
  });

  test('is given files that are there', () => {
    const files = watching.flatMap(([, { volumes = [] }]) => volumes.filter((volume) => volume.startsWith('./')));
    expect(files.length).toBeGreaterThan(3);
    for (const file of files) expect(existsSync(new URL(`../${file.split(':')[0]}`, import.meta.url)), file).toBe(true);
  });

  test('scrapes every service that has metrics, by its name in compose', () => {
    const scraped = read('monitoring/prometheus/prometheus.yml');
    for (const name of Object.keys(services)) {
      const hasMetrics = ['api', 'worker', 'worker-gpu', 'ingest', 'web'].includes(name);
      expect(new RegExp(`[\\[ ]${name}[\\]:,]`).test(scraped), name).toBe(hasMetrics);
    }
  });
});
