import { globSync, readFileSync } from 'node:fs';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { expect, test } from 'vitest';
import { strippedSources } from './stripped-sources.ts';

const sourceFolder = fileURLToPath(new URL('..', import.meta.url));

test('every module of the package is there, and no test', () => {
  const modules = globSync(`${sourceFolder}**/*.ts`).filter((file) => !file.endsWith('.test.ts'));
  expect([...strippedSources().keys()].toSorted()).toEqual(modules.map((file) => pathToFileURL(file).href).toSorted());
  expect(modules.length).toBeGreaterThan(30);
});

test('code stays in its line and column', () => {
  for (const [url, stripped] of strippedSources()) {
    const source = readFileSync(fileURLToPath(url), 'utf8');
    expect(stripped, url).toHaveLength(source.length);
    // Where a type ended a statement, a semicolon ends it now.
    const moved = [...stripped.matchAll(/[^\s;]/g)].filter(({ 0: character, index }) => source[index] !== character);
    expect(moved, url).toEqual([]);
  }
});

test('they are made once, so that a later engine process runs what an earlier one does', () => {
  expect(strippedSources()).toBe(strippedSources());
});
