import { accessSync, constants, readdirSync, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Where packages put servers although a user's PATH may not list it. */
const moreFolders = ['/usr/bin', '/usr/local/bin', '/usr/sbin', '/opt/homebrew/bin'];

/** Path of a program that can be run; undefined where there is none. */
export function findProgram(name, path = process.env.PATH ?? '') {
  return [...path.split(delimiter), ...moreFolders]
    .filter((folder) => folder !== '')
    .map((folder) => join(folder, name))
    .find(isProgram);
}

export function isProgram(path) {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

/** Existing folders that a pattern with one `*` in one of its parts stands for, the highest version first. */
export function foldersLike(pattern) {
  const parts = pattern.split('/');
  const wild = parts.findIndex((part) => part.includes('*'));
  const [start = '', end = ''] = parts[wild].split('*');
  const parent = parts.slice(0, wild).join('/');
  return list(parent)
    .filter((name) => name.startsWith(start) && name.endsWith(end))
    .toSorted((a, b) => b.localeCompare(a, 'en', { numeric: true }))
    .map((name) => join(parent, name, ...parts.slice(wild + 1)));
}

function list(folder) {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
