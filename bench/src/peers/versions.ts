import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
const root = fileURLToPath(new URL('../../../', import.meta.url));

/** Packages of the peers whose versions matter, as Python names them. */
const peerPackages = ['faster-paddle', 'rapidocr', 'onnxruntime'] as const;

export interface Versions {
  readonly node: string;
  /** Of our engine. */
  readonly onnxruntime: string;
  /** Of the peers' packages. */
  readonly peers: Readonly<Record<string, string>>;
  /** Of this project, shortened; `+ changes` behind it where the files are not those of the commit. */
  readonly commit: string;
}

/** `python` is one that has the peers; without one they have no versions. */
export async function readVersions(python: string | undefined): Promise<Versions> {
  return {
    node: process.versions.node,
    onnxruntime: await readOnnxRuntimeVersion(),
    peers: python === undefined ? {} : await readPeerVersions(python),
    commit: await readCommit(),
  };
}

/** Only packages/ocr may import ONNX Runtime; here its package.json is read as seen from there. */
async function readOnnxRuntimeVersion(): Promise<string> {
  const engine = createRequire(import.meta.resolve('@glyphmill/ocr'));
  const manifest = await readFile(engine.resolve('onnxruntime-node/package.json'), 'utf8');
  return (JSON.parse(manifest) as { version: string }).version;
}

async function readPeerVersions(python: string): Promise<Record<string, string>> {
  const script =
    'import importlib.metadata as m, json, sys; print(json.dumps({n: m.version(n) for n in sys.argv[1:]}))';
  const { stdout } = await run(python, ['-c', script, ...peerPackages]);
  return JSON.parse(stdout) as Record<string, string>;
}

/** `unknown` in a copy without git. */
async function readCommit(): Promise<string> {
  try {
    const { stdout: commit } = await run('git', ['rev-parse', '--short=9', 'HEAD'], { cwd: root });
    // A report that is written anew is no change of the program.
    const status = ['status', '--porcelain', '--untracked-files=no', '--', '.', ':!docs', ':!*.md'];
    const { stdout: changes } = await run('git', status, { cwd: root });
    return `${commit.trim()}${changes.trim() === '' ? '' : ' + changes'}`;
  } catch {
    return 'unknown';
  }
}
