import { execFile } from 'node:child_process';
import { access } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);

/**
 * Path of a Python that has the peers: a virtual environment in bench/.venv (not kept in git), made and filled by
 * package name when it is missing.
 */
export async function preparePeerPython(note: (text: string) => void): Promise<string> {
  const bench = fileURLToPath(new URL('../', import.meta.url));
  const venv = path.join(bench, '.venv');
  const python = path.join(venv, 'bin', 'python');
  const complete = await access(python)
    .then(() => run(python, ['-c', 'import faster_paddle, rapidocr, onnxruntime']))
    .then(
      () => true,
      () => false,
    );
  if (complete) return python;
  note(`installing the peers into ${venv}`);
  await run('python3', ['-m', 'venv', venv]);
  await run(python, ['-m', 'pip', 'install', '--quiet', '-r', path.join(bench, 'peers', 'requirements.txt')]);
  return python;
}
