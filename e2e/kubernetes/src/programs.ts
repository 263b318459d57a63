import { access, constants, mkdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { builtPrograms as chartTools, goPackages } from '../../src/chart-tools.ts';
import { command } from '../../src/command.ts';

/** What these tests run, by absolute path. */
export interface Programs {
  readonly controlPlane: string;
  readonly helm: string;
  readonly prometheus: string;
  readonly prometheusAdapter: string;
}

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
/** What was built stays for the next run; KUBERNETES_TOOLS names a folder with programs that somebody has built before. */
const builtFolder = process.env['KUBERNETES_TOOLS'] ?? here('../../../node_modules/.cache/kubernetes');
const linkerFlags = '-s -w';

/** The programs, built where they are missing, or a sentence that says why there are none. */
export async function findPrograms(): Promise<Programs | string> {
  if (process.platform !== 'linux') return 'they need Linux';
  const missing: string[] = [];
  for (const name of ['openssl', 'setpriv', 'prometheus']) if ((await find(name)) === undefined) missing.push(name);
  if (missing.length > 0) return `${missing.join(', ')} not found: apt-get install openssl util-linux prometheus`;
  const built = ['control-plane', 'helm', 'prometheus-adapter'];
  const found = await Promise.all(built.map((name) => find(name)));
  const go = await find('go');
  if (go === undefined && found.includes(undefined)) {
    return 'they build the control plane once, and Go (1.26 or newer) was not found: https://go.dev/dl';
  }
  return {
    prometheus: (await find('prometheus'))!,
    controlPlane: await findOrBuild('control-plane', {
      cwd: here('../control-plane'),
      package: '.',
      linkerFlags: await versionFlags(),
    }),
    prometheusAdapter: await findOrBuild('prometheus-adapter', {
      cwd: here('../prometheus-adapter'),
      package: 'sigs.k8s.io/prometheus-adapter/cmd/adapter',
    }),
    helm: await findOrBuild('helm', undefined),
  };
}

interface Build {
  /** Folder of a module that pins all versions. */
  readonly cwd: string;
  readonly package: string;
  readonly linkerFlags?: string;
}

/** A release of Kubernetes is told its version when it is linked, and charts look at it. */
async function versionFlags(): Promise<string> {
  const goMod = await readFile(here('../control-plane/go.mod'), 'utf8');
  const [, version, major, minor] = /k8s\.io\/kubernetes (v(\d+)\.(\d+)\.\d+)/.exec(goMod)!;
  const values = { gitVersion: version!, gitMajor: major!, gitMinor: minor! };
  return Object.entries(values)
    .map(([name, value]) => `-X k8s.io/component-base/version.${name}=${value}`)
    .join(' ');
}

/** Minutes, the first time. */
async function findOrBuild(name: string, build: Build | undefined): Promise<string> {
  const found = await find(name);
  if (found !== undefined) return found;
  const go = (await find('go'))!;
  await mkdir(builtFolder, { recursive: true });
  console.warn(`Building ${name}, once …`);
  const flags = ['-trimpath', `-ldflags=${linkerFlags} ${build?.linkerFlags ?? ''}`];
  if (build === undefined) await command(go, ['install', ...flags, goPackages.helm], { env: { GOBIN: builtFolder } });
  else {
    const output = join(builtFolder, name);
    await command(go, ['build', ...flags, '-o', output, build.package], { cwd: build.cwd, env: { GOFLAGS: '' } });
  }
  return join(builtFolder, name);
}

async function find(name: string): Promise<string | undefined> {
  const onPath = (process.env['PATH'] ?? '').split(':');
  for (const folder of [
    builtFolder,
    // Where the chart's own tests build helm.
    chartTools,
    ...onPath,
    '/usr/bin',
    '/usr/local/go/bin',
    dirname(process.execPath),
  ]) {
    const file = join(folder, name);
    const isThere = await access(file, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (isThere) return file;
  }
  return undefined;
}
