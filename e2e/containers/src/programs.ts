import { execFile } from 'node:child_process';
import { access, constants, mkdir } from 'node:fs/promises';
import { homedir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
const root = fileURLToPath(new URL('../../../', import.meta.url));

/** What these tests run, by absolute path. */
export interface Programs {
  readonly docker: string;
  readonly dockerd: string;
  /** Compose 2 or newer: a plugin of the docker command that also runs alone. */
  readonly compose: string;
}

/** The programs, or a sentence that says why there are none. */
export async function findPrograms(): Promise<Programs | string> {
  if (process.platform !== 'linux') return 'they need Linux';
  if (process.getuid?.() !== 0)
    return 'they start a Docker engine and network namespaces of their own, which only root may';
  const missing: string[] = [];
  for (const name of ['dockerd', 'debootstrap', 'iptables', 'ip', 'nsenter', 'git']) {
    if ((await find(name)) === undefined) missing.push(name);
  }
  // Debian's own first: it builds by itself, where newer ones need a plugin for that.
  const docker = (await firstThatRuns(['/usr/bin/docker'])) ?? (await find('docker'));
  if (docker === undefined) missing.push('docker');
  if (missing.length > 0) {
    return `${missing.join(', ')} not found: apt-get install docker.io debootstrap iptables iproute2 util-linux git`;
  }
  const compose = (await findCompose()) ?? (await fetchCompose());
  if (compose === undefined)
    return 'compose 2 was not found and could not be fetched: COMPOSE_PLUGIN=/path/of/docker-compose';
  return { docker: docker!, dockerd: (await find('dockerd'))!, compose };
}

async function findCompose(): Promise<string | undefined> {
  const named = process.env['COMPOSE_PLUGIN'];
  const folders = [
    path.join(homedir(), '.docker/cli-plugins'),
    '/usr/local/lib/docker/cli-plugins',
    '/usr/local/libexec/docker/cli-plugins',
    '/usr/lib/docker/cli-plugins',
    '/usr/libexec/docker/cli-plugins',
  ];
  return firstThatRuns([...(named ? [named] : []), ...folders.map((folder) => path.join(folder, 'docker-compose'))]);
}

/** Out of a newer Debian's package, where this machine's apt reaches one; kept for the next run. */
async function fetchCompose(): Promise<string | undefined> {
  const folder = path.join(root, 'node_modules/.cache/compose');
  const file = path.join(folder, 'docker-compose');
  const kept = await firstThatRuns([file]);
  if (kept !== undefined) return kept;
  await mkdir(folder, { recursive: true });
  try {
    await run('bash', [fileURLToPath(new URL('../fetch-compose.sh', import.meta.url)), file]);
  } catch (error) {
    console.warn(error instanceof Error ? error.message : error);
  }
  return firstThatRuns([file]);
}

function find(name: string): Promise<string | undefined> {
  const folders = [...(process.env['PATH'] ?? '').split(':'), '/usr/sbin', '/usr/bin', '/sbin', '/bin'];
  return firstThatRuns(folders.map((folder) => path.join(folder, name)));
}

async function firstThatRuns(files: readonly string[]): Promise<string | undefined> {
  for (const file of files) {
    try {
      await access(file, constants.X_OK);
      return file;
    } catch {
      // The next one.
    }
  }
  return undefined;
}
