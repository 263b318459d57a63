import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';

const folder = new URL('./', import.meta.url);

interface ManifestFile {
  readonly name: string;
  readonly role: string;
  readonly file: string;
  readonly bytes: number;
  readonly sha256: string;
  readonly licence: string;
  readonly int8?: { readonly file: string; readonly bytes: number; readonly sha256: string };
  readonly dictionary?: {
    readonly file: string;
    readonly sha256: string;
    readonly characters: number;
    readonly classes: number;
  };
  readonly thresholds?: Readonly<Record<string, number | string>>;
}

interface Manifest {
  readonly models: Readonly<Record<string, Readonly<Record<string, string>>>>;
  readonly files: readonly ManifestFile[];
}

function read(name: string): Buffer {
  return readFileSync(new URL(name, folder));
}

function sha256(data: Buffer): string {
  return createHash('sha256').update(data).digest('hex');
}

const manifest = JSON.parse(read('manifest.json').toString('utf8')) as Manifest;
const weights = manifest.files.flatMap(({ int8, ...file }) => [file, ...(int8 ? [int8] : [])]);
const dictionaries = manifest.files.flatMap((file) => (file.dictionary ? [file.dictionary] : []));

describe('the baked models', () => {
  test.each(weights)('$file has the bytes that the manifest names', ({ file, bytes, sha256: expected }) => {
    const data = read(file);
    expect(data.length).toBe(bytes);
    expect(sha256(data)).toBe(expected);
  });

  test.each(manifest.files)('$file may be given on', ({ licence }) => {
    expect(licence).toBe('Apache-2.0');
  });

  test.each(dictionaries)('$file has one character a line, two fewer than the model has classes', (dictionary) => {
    const data = read(dictionary.file);
    expect(sha256(data)).toBe(dictionary.sha256);
    // Not a split at every Unicode line break: some of those are entries.
    const characters = data.toString('utf8').split('\n').slice(0, -1);
    expect(characters.length).toBe(dictionary.characters);
    expect(new Set(characters).size).toBe(characters.length);
    expect(characters.every((character) => /^.$/su.test(character))).toBe(true);
    expect(characters.length + 2).toBe(dictionary.classes);
  });

  test('every size names a file of each role', () => {
    expect(Object.keys(manifest.models)).toEqual(['small', 'tiny']);
    for (const roles of Object.values(manifest.models)) {
      for (const role of ['detector', 'recognizer', 'classifier']) {
        expect(manifest.files.find((file) => file.name === roles[role])?.role).toBe(role);
      }
    }
  });

  test('nothing lies beside them that the manifest does not name', () => {
    const named = [...weights, ...dictionaries].map((entry) => entry.file);
    const found = readdirSync(folder).filter((name) => /\.(onnx|txt)$/.test(name));
    expect(found.toSorted()).toEqual(named.toSorted());
  });
});
