import { execFile } from 'node:child_process';
import { access, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
const bench = fileURLToPath(new URL('../../', import.meta.url));

/** For what requirements.txt names there are wheels from this one on. */
const leastPython = [3, 11] as const;

/** The peers cannot be installed; the message says what to do. */
export class PeerSetupError extends Error {
  override readonly name = 'PeerSetupError';
}

export interface PeerEnvironmentOptions {
  /** The Python that makes the environment. */
  readonly python?: string;
  readonly folder?: string;
  readonly requirements?: string;
  readonly note: (text: string) => void;
}

/**
 * Path of a Python that has the peers: a virtual environment in bench/.venv (not kept in git), made with the system's
 * `python3` and filled by the names and versions of requirements.txt. One that is finished is taken as it is, until
 * requirements.txt changes; one that was interrupted is made anew.
 *
 * Throws `PeerSetupError`.
 */
export async function preparePeerPython({
  python = 'python3',
  folder = path.join(bench, '.venv'),
  requirements = path.join(bench, 'peers', 'requirements.txt'),
  note,
}: PeerEnvironmentOptions): Promise<string> {
  const peerPython = path.join(folder, 'bin', 'python');
  // Written last: what it holds is installed.
  const stamp = path.join(folder, 'installed.txt');
  const wanted = await readFile(requirements, 'utf8');
  if (await isFinished(peerPython, stamp, wanted)) return peerPython;
  note(`installing the peers into ${folder} (some 500 MB, the first time only)`);
  await checkVersion(python);
  await rm(folder, { recursive: true, force: true });
  await run(python, ['-m', 'venv', folder]).catch((error: unknown) => {
    throw new PeerSetupError(explainVenv(outputOf(error)));
  });
  const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--only-binary', ':all:'];
  await run(peerPython, [...pip, '--requirement', requirements]).catch((error: unknown) => {
    throw new PeerSetupError(explainPip(outputOf(error)));
  });
  await writeFile(stamp, wanted);
  return peerPython;
}

async function isFinished(peerPython: string, stamp: string, wanted: string): Promise<boolean> {
  try {
    await access(peerPython);
    return (await readFile(stamp, 'utf8')) === wanted;
  } catch {
    return false;
  }
}

async function checkVersion(python: string): Promise<void> {
  const script = 'import sys; print(*sys.version_info[:2])';
  const { stdout } = await run(python, ['-c', script]).catch((error: unknown) => {
    throw new PeerSetupError(
      `The peers are Python programs, and ${python} does not run (${outputOf(error)}).\n` +
        'Install Python (Debian: apt-get install python3-venv), or name one that has the peers with --python.',
    );
  });
  const [major = 0, minor = 0] = stdout.trim().split(' ').map(Number);
  const [leastMajor, leastMinor] = leastPython;
  if (major > leastMajor || (major === leastMajor && minor >= leastMinor)) return;
  throw new PeerSetupError(
    `${python} is Python ${major}.${minor}; the peers need ${leastPython.join('.')} or newer.\n` +
      'Put a newer one first in the PATH, or name one that has the peers with --python.',
  );
}

/** Debian has venv's better half in a package of its own, and venv fails half-way without it. */
export function explainVenv(output: string): string {
  const advice = /ensurepip|No module named venv/.test(output)
    ? 'Python is there without its venv module. Install it (Debian and Ubuntu: apt-get install python3-venv) and try again.'
    : 'What went wrong is above. A full disk and a folder that cannot be written to are the usual reasons.';
  return `${output}\n\nThe peers need a virtual environment, and none could be made.\n${advice}`;
}

export function explainPip(output: string): string {
  const advice =
    /Temporary failure in name resolution|Name or service not known|Network is unreachable|Connection refused|timed out/i.test(
      output,
    )
      ? 'The package index cannot be reached. A network is needed the first time (or a mirror: `pip config set global.index-url URL`).'
      : 'What went wrong is above. A Python for which there are no such wheels, and a full disk, are the usual reasons.';
  return `${output}\n\nThe peers could not be installed.\n${advice}`;
}

/** The end of what a program said before it failed. */
function outputOf(error: unknown): string {
  const { stdout = '', stderr = '', message = '' } = error as { stdout?: string; stderr?: string; message?: string };
  const said = `${stdout}${stderr}`.trim();
  return (said === '' ? message : said).slice(-2000);
}
