import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { fitEngines, readMachine } from '@glyphmill/ocr/pool';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const main = fileURLToPath(new URL('../src/main.ts', import.meta.url));
const samples = fileURLToPath(new URL('../../ocr/samples/', import.meta.url));
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'glyphmill-bench-'));
  await copyFile(`${samples}tilted-receipt.jpg`, path.join(folder, 'receipt.jpg'));
});
afterAll(() => rm(folder, { recursive: true }));

async function bench(...args: readonly string[]) {
  const env = { PATH: process.env['PATH'], HOME: process.env['HOME'] };
  const child = spawn(process.execPath, [main, 'bench', ...args], { cwd: folder, env });
  child.stdin.end();
  const [[code], stdout, stderr] = await Promise.all([
    once(child, 'close') as Promise<[number | null]>,
    text(child.stdout),
    text(child.stderr),
  ]);
  return { code, stdout, stderr };
}

describe('glyphmill bench', () => {
  test('says what fits this machine and why, and measures it', async () => {
    const { code, stdout, stderr } = await bench('.', '--model', 'tiny', '--seconds', '2', '--json');
    expect([code, stderr]).toEqual([0, '']);
    const report = JSON.parse(stdout);
    const { cpuQuota, ...machine } = readMachine();
    const engines = fitEngines('tiny');
    expect(report.machine).toEqual({ ...machine, cpuQuota: Number.isFinite(cpuQuota) ? cpuQuota : null });
    expect(report).toMatchObject({ model: 'tiny', engines, images: 1 });
    expect(report.lone.pages).toBeGreaterThanOrEqual(1);
    expect(report.lone.p95Ms).toBeGreaterThanOrEqual(report.lone.p50Ms);
    // A page alone is read by all engines, and none helps another while pages wait.
    if (engines.processes > 1) expect(report.lone.helpedShare).toBeGreaterThan(0);
    expect(report.busy.helpedShare).toBe(0);
    expect(report.busy.pages).toBeGreaterThanOrEqual(engines.processes);
    expect(report.busy.imagesPerSecond).toBeGreaterThan(0);
    expect(report.engineRssBytes).toHaveLength(engines.processes);
  });

  test('tells what is wrong with the command line or the folder', async () => {
    const [flag, seconds, missing] = await Promise.all([bench('--fast'), bench('--seconds', '0'), bench('nowhere')]);
    expect([flag.code, seconds.code, missing.code]).toEqual([2, 2, 1]);
    expect(missing.stderr).toContain('file_not_found');
  });
});
