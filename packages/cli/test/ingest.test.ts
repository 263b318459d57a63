import { type ChildProcess, execFile, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';

const cli = fileURLToPath(new URL('../src/main.ts', import.meta.url));
const ingest = fileURLToPath(new URL('../../../services/ingest/src/main.ts', import.meta.url));
let dataDir: string;
let service: ChildProcess;

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'glyphmill-cli-ingest-'));
  // Files are taken without a Redis, too.
  const env = { PATH: process.env['PATH'], DATA_DIR: dataDir, REDIS_URL: `unix://${dataDir}/none.sock`, OPS_PORT: '0' };
  service = fork(ingest, { env, execArgv: [], silent: true });
  await once(service, 'message');
});
afterAll(async () => {
  const exited = once(service, 'exit');
  if (service.kill('SIGKILL')) await exited;
  await rm(dataDir, { recursive: true, force: true });
});

function run(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    const env = { PATH: process.env['PATH'], DATA_DIR: dataDir };
    execFile(process.execPath, [cli, 'ingest', ...args], { env }, (error, stdout, stderr) => {
      resolve({ code: Number(error?.code ?? 0), stdout, stderr });
    });
  });
}

test('pauses, resumes and asks the service of the data folder', async () => {
  expect(await run('pause')).toMatchObject({ code: 0, stdout: expect.stringMatching(/^paused/) });
  const { stdout } = await run('status', '--json');
  expect(JSON.parse(stdout)).toMatchObject({ state: 'paused', inbox: join(dataDir, 'inbox') });
  expect(await run('resume')).toMatchObject({ code: 0, stdout: expect.not.stringMatching(/^paused/) });
  const { code, stdout: status } = await run('scan', '--socket', join(dataDir, 'ingest.sock'));
  expect({ code, status }).toMatchObject({ code: 0, status: expect.stringContaining('images     0 in the folder') });
});

test('says why where nobody can be asked', async () => {
  const answer = await run('status', '--socket', join(dataDir, 'none.sock'), '--json');
  expect(answer.code).toBe(1);
  expect(answer.stderr).toBe('inbox_unreachable: The ingest service does not answer\n');
  expect(JSON.parse(answer.stdout)).toMatchObject({ error: { code: 'inbox_unreachable' } });
  expect(await run('stop')).toMatchObject({ code: 2, stdout: '' });
});
