import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { realMain, startInstance, type Instance } from './instance.ts';

const root = fileURLToPath(new URL('../../../', import.meta.url));
let folder: string;
let instance: Instance;

beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'gm real #50%?'));
  instance = startInstance({ DATA_DIR: folder, ENGINE_PROCESSES: '1' }, { main: realMain });
  await instance.says('Glyphmill is ready.');
});

afterAll(async () => {
  instance.process.kill('SIGTERM');
  await instance.exited;
  rmSync(folder, { recursive: true, force: true });
});

it('reads, from a data folder with an odd name, the gift card with the very command that it prints', () => {
  const command = /^ {2}echo [^]*?-d @-$/m.exec(instance.output())?.[0] ?? '';
  const answer: unknown = JSON.parse(execFileSync('/bin/sh', ['-c', command], { cwd: root, encoding: 'utf8' }));
  expect(answer).toMatchObject({ count: 2, data: [{ text: 'STEAM' }, { text: 'XR56L-H4A5Q-87YXF' }] });
});
