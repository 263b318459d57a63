import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { placeDrawings } from './boxes-path.ts';
import { UsageError } from './command-line.ts';

const cwd = '/nowhere';
const place = (out: string, ...files: readonly [name: string, source?: string][]): string[] => {
  const drawables = files.map(([name, source]) => ({ name, path: source ?? `/source/${name}` }));
  return [...placeDrawings(out, drawables, cwd).values()].map((target) => path.relative(cwd, target));
};

describe('placeDrawings', () => {
  test('a file for one image', () => {
    expect(place('out.png', ['a.jpg'])).toEqual(['out.png']);
  });

  test('a folder keeps the images of a folder in their place, and a.jpg apart from a.png', () => {
    expect(place('out', ['sub/a.jpg'], ['sub/a.png'])).toEqual(['out/sub/a.jpg.png', 'out/sub/a.png.png']);
  });

  test('a pattern', () => {
    expect(place('out/{name}-boxes.png', ['a.jpg'], ['b.jpg'])).toEqual(['out/a.jpg-boxes.png', 'out/b.jpg-boxes.png']);
  });

  test('the same name from two folders', () => {
    expect(place('out', ['a.jpg', '/x/a.jpg'], ['a.jpg', '/y/a.jpg'])).toEqual(['out/a.jpg.png', 'out/a.jpg-2.png']);
  });

  test('one file for several images', () => {
    expect(() => place('out.png', ['a.jpg'], ['b.jpg'])).toThrow(UsageError);
  });

  test('never over an image that is read', () => {
    expect(() => place('a.png', ['a.png', '/nowhere/a.png'])).toThrow('replace');
  });

  test('a folder that is a file', () => {
    const self = import.meta.filename;
    expect(() => placeDrawings(self, [{ name: 'a.jpg', path: '/a.jpg' }], cwd)).toThrow('.png');
  });
});
