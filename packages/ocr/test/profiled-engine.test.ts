import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it } from 'vitest';

const poolFile = (name: string) => fileURLToPath(new URL(`../src/pool/${name}`, import.meta.url));

/** Says its own process and that of its engine once that is ready. */
const program = `
  const { createEnginePool } = await import(${JSON.stringify(poolFile('engine-pool.ts'))});
  const pool = await createEnginePool({ model: 'tiny', processes: 1, pageTimeoutMs: 60_000, memoryLimitBytes: 2 ** 30 });
  console.log(process.pid + ' ' + pool.stats().pids[0]);
  await pool.close();`;

describe.runIf(process.platform === 'linux')('a pool that names its functions for perf', () => {
  let poolNames: string;
  let engineNames: string;
  let said: string;
  beforeAll(async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'glyphmill-perf-'));
    const perf = ['--perf-basic-prof', `--perf-basic-prof-path=${folder}`];
    const node = [process.execPath, [...perf, '--input-type=module', '-e', program]] as const;
    const { stdout, stderr } = await promisify(execFile)(...node);
    said = stderr;
    [poolNames, engineNames] = (await Promise.all(
      stdout.split(' ').map((pid) => readFile(path.join(folder, `perf-${pid.trim()}.map`), 'utf8')),
    )) as [string, string];
    await rm(folder, { recursive: true });
  });

  it('has engines that name theirs', () => {
    expect(engineNames).toContain('engine-main.ts');
  });

  it('has engines whose functions are at their lines of the TypeScript files', async () => {
    const source = await readFile(poolFile('engine-main.ts'), 'utf8');
    const line = source.split('\n').findIndex((text) => text.startsWith('async function start(')) + 1;
    expect(engineNames).toContain(`engine-main.ts:${line}:`);
  });

  it('has loaded what strips types, and its engines have not', () => {
    expect(poolNames).toContain('/amaro/');
    expect(engineNames).not.toContain('/amaro/');
  });

  it('warns of nothing', () => {
    expect(said).toBe('');
  });
});
