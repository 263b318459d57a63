import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { prepareDataFolder } from './data-folder.ts';
import { StartError } from './start-error.ts';

let folder: string;
const modeOf = (file: string) => statSync(file).mode & 0o777;

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'gm-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

it('makes a folder that only this user can open', () => {
  const data = prepareDataFolder(path.join(folder, 'a b', 'data'));
  expect(modeOf(data.path)).toBe(0o700);
  expect(modeOf(path.dirname(data.socketPath))).toBe(0o700);
});

it('closes its own folder, and leaves the rights of one that holds other things', () => {
  const ours = path.join(folder, 'ours');
  mkdirSync(ours);
  writeFileSync(path.join(ours, 'all-in-one.lock'), '');
  const home = path.join(folder, 'home');
  mkdirSync(home);
  writeFileSync(path.join(home, 'letter.txt'), '');
  for (const each of [ours, home]) {
    chmodSync(each, 0o755);
    prepareDataFolder(each);
  }
  expect([modeOf(ours), modeOf(home)]).toEqual([0o700, 0o755]);
  expect(modeOf(path.join(home, 'run'))).toBe(0o700);
});

it('puts the socket among temporary files where its path would be too long', () => {
  const long = path.join(folder, 'long'.repeat(40));
  const data = prepareDataFolder(long, folder);
  expect(Buffer.byteLength(data.socketPath)).toBeLessThan(104);
  expect(path.dirname(path.dirname(data.socketPath))).toBe(folder);
  expect(modeOf(path.dirname(data.socketPath))).toBe(0o700);
  expect(prepareDataFolder(long, folder).socketPath).toBe(data.socketPath);
  data.clean();
  expect(existsSync(path.dirname(data.socketPath))).toBe(false);
});

it('does not trust a temporary folder that somebody else prepared', () => {
  const long = path.join(folder, 'long'.repeat(40));
  const { socketPath } = prepareDataFolder(long, folder);
  const inTheWay = path.dirname(socketPath);
  chmodSync(inTheWay, 0o777);
  expect(() => prepareDataFolder(long, folder)).toThrow(StartError);
  rmSync(inTheWay, { recursive: true });
  symlinkSync(folder, inTheWay);
  expect(() => prepareDataFolder(long, folder)).toThrow(/not a folder that only/);
});

it('names a folder that cannot be used, and the setting', () => {
  writeFileSync(path.join(folder, 'file'), '');
  expect(() => prepareDataFolder(path.join(folder, 'file', 'data'))).toThrow(/file\/data cannot be used[^]*DATA_DIR=/);
});

it.each(['/proc/nope', '/proc/nope/deeper', '/dev/null/data'])(
  'says so where no folder can be made: %s',
  (impossible) => {
    expect(() => prepareDataFolder(impossible)).toThrow(/cannot be used/);
  },
);
