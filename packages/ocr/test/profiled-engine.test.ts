import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';

const poolFile = fileURLToPath(new URL('../src/pool/engine-pool.ts', import.meta.url));

/** Says the process of its engine once that is ready. */
const program = `
  const { createEnginePool } = await import(${JSON.stringify(poolFile)});
  const pool = await createEnginePool({ model: 'tiny', processes: 1, pageTimeoutMs: 60_000, memoryLimitBytes: 2 ** 30 });
  console.log(String(pool.stats().pids[0]));
  await pool.close();`;

test.runIf(process.platform === 'linux')(
  'the functions of an engine have names for perf when those of its parent do',
  async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'glyphmill-perf-'));
    onTestFinished(() => rm(folder, { recursive: true }));
    const flags = ['--perf-basic-prof', `--perf-basic-prof-path=${folder}`];
    const { stdout } = await promisify(execFile)(process.execPath, [...flags, '--input-type=module', '-e', program]);
    expect(await readFile(path.join(folder, `perf-${stdout.trim()}.map`), 'utf8')).toContain('engine-main.ts');
  },
);
