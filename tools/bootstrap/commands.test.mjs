import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { commands } from './commands.mjs';
import { systemPrograms } from './system-programs.mjs';

const root = new URL('../../', import.meta.url);
const { scripts } = JSON.parse(readFileSync(new URL('package.json', root), 'utf8'));
const named = Object.entries(scripts).flatMap(([script, line]) => {
  const name = /tools\/bootstrap\.mjs (\S+)$/.exec(line)?.[1];
  return name === undefined ? [] : [[script, name]];
});

test.each(named)('npm run %s is a command that can start', (script, name) => {
  expect(name).toBe(script);
  const { needs, steps } = commands[name];
  for (const program of needs) expect(systemPrograms).toHaveProperty(program);
  for (const { file, bin } of steps) {
    if (file === undefined) expect(bin).toEqual(expect.any(String));
    else expect(existsSync(fileURLToPath(new URL(file, root)))).toBe(true);
  }
});

test('each command has its script', () => {
  expect(named.map(([, name]) => name).toSorted()).toEqual(Object.keys(commands).toSorted());
});
