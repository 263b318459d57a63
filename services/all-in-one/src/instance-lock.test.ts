import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { lockDataFolder } from './instance-lock.ts';
import { StartError } from './start-error.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'gm-lock-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

it('is held until it is released', () => {
  const lock = lockDataFolder(folder);
  expect(() => lockDataFolder(folder)).toThrow(`(process ${process.pid})`);
  lock.release();
  lockDataFolder(folder).release();
});

it('is not held by files that a killed instance has left', () => {
  writeFileSync(path.join(folder, 'all-in-one.lock'), '');
  writeFileSync(path.join(folder, 'all-in-one.pid'), '1\n');
  const lock = lockDataFolder(folder);
  expect(readFileSync(path.join(folder, 'all-in-one.pid'), 'utf8')).toBe(`${process.pid}\n`);
  lock.release();
  expect(existsSync(path.join(folder, 'all-in-one.pid'))).toBe(false);
});

it('names the file that cannot be opened', () => {
  mkdirSync(path.join(folder, 'all-in-one.lock'));
  expect(() => lockDataFolder(folder)).toThrow(StartError);
  expect(() => lockDataFolder(folder)).toThrow(/all-in-one\.lock cannot be opened[^]*DATA_DIR=/);
});
