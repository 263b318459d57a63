import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
const folder = fileURLToPath(new URL('../', import.meta.url));
const environments = fileURLToPath(new URL('../../node_modules/.cache/', import.meta.url));
const maxOutputBytes = 64 * 1024 * 1024;

/** A program that reads an OpenAPI document and asks the API all that it can think of, in a Python environment of its own. */
export async function installSchemathesis(): Promise<string> {
  const requirements = join(folder, 'schemathesis-requirements.txt');
  const version = /==([\d.]+)/.exec(await readFile(requirements, 'utf8'))?.[1] ?? 'unknown';
  const environment = join(environments, `schemathesis-${version}`);
  const program = join(environment, 'bin', 'schemathesis');
  if (existsSync(program)) return program;
  await run('python3', ['-m', 'venv', environment]);
  await run(join(environment, 'bin', 'pip'), ['install', '--quiet', '--requirement', requirements]);
  return program;
}

export interface SchemathesisOptions {
  readonly program: string;
  readonly apiUrl: string;
  readonly authorization: string;
  readonly seed: number;
  /** Requests that are made up for each operation, in each phase. */
  readonly maxExamples: number;
}

const excludedChecks = [
  // No schema can say what a URL must be for an image to come from it.
  'positive_data_acceptance',
  // DELETE cancels a job, which stays there to be asked for.
  'use_after_free',
];

/** What it printed, and whether it found nothing. */
export async function runSchemathesis(options: SchemathesisOptions): Promise<{ passed: boolean; output: string }> {
  const config = join(folder, 'schemathesis.toml');
  const args = ['--config-file', config, 'run', `${options.apiUrl}/openapi.json`, '--no-color'];
  const flags = {
    header: `Authorization: ${options.authorization}`,
    'exclude-checks': excludedChecks.join(),
    'max-examples': String(options.maxExamples),
    seed: String(options.seed),
    // Slower than any answer may be: POST /analyze waits for SYNC_TIMEOUT_MS.
    'request-timeout': '60',
    'suppress-health-check': 'all',
  };
  for (const [name, value] of Object.entries(flags)) args.push(`--${name}`, value);
  try {
    const { stdout } = await run(options.program, args, { maxBuffer: maxOutputBytes });
    return { passed: true, output: stdout };
  } catch (error) {
    const { stdout, stderr } = error as { stdout?: string; stderr?: string };
    if (stdout === undefined) throw error;
    return { passed: false, output: `${stdout}${stderr ?? ''}` };
  }
}
