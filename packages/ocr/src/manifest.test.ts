import { createHash } from 'node:crypto';
import { appendFile, cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { bakedModelsDir, listModelFiles, readWeights } from './manifest.ts';

let copy: string;
beforeEach(async () => {
  copy = await mkdtemp(path.join(tmpdir(), 'models-'));
  await cp(bakedModelsDir, copy, { recursive: true, filter: (file) => !file.includes('bake') });
});
afterEach(() => rm(copy, { recursive: true }));

describe('readWeights', () => {
  it.each([
    ['small', 18_710],
    ['tiny', 6_906],
  ] as const)('knows the %s model, with a text for each of its classes', async (model, classes) => {
    const weights = await readWeights(model);
    expect(weights.characters).toHaveLength(classes);
    expect(weights.characters[0]).toBe('');
    expect(weights.characters.at(-1)).toBe(' ');
    expect(weights.unclipRatio).toBeGreaterThan(1);
  });

  it('refuses weights that are not those of the manifest, and names them', async () => {
    await appendFile(path.join(copy, 'ppocrv6-small-recognizer.onnx'), 'x');
    await expect(readWeights('small', copy)).rejects.toMatchObject({
      code: 'model_mismatch',
      message: expect.stringContaining('ppocrv6-small-recognizer.onnx'),
    });
    await expect(readWeights('tiny', copy)).resolves.toBeDefined();
  });

  it('refuses another dictionary', async () => {
    await writeFile(path.join(copy, 'ppocrv6-tiny-recognizer.dictionary.txt'), 'a\nb\n');
    await expect(readWeights('tiny', copy)).rejects.toMatchObject({ code: 'model_mismatch' });
  });

  it('says what is missing', async () => {
    await rm(path.join(copy, 'line-orientation-classifier.onnx'));
    await expect(readWeights('small', copy)).rejects.toThrow('line-orientation-classifier.onnx');
    await rm(path.join(copy, 'manifest.json'));
    await expect(readWeights('small', copy)).rejects.toThrow('manifest.json');
  });
});

describe('listModelFiles', () => {
  it.each(['small', 'tiny'] as const)('names the sums of the files of weights of %s', async (model) => {
    const files = await listModelFiles(model);
    expect(files.map(({ role }) => role).toSorted()).toEqual(['classifier', 'detector', 'recognizer']);
    const recognizer = await readFile(path.join(bakedModelsDir, `ppocrv6-${model}-recognizer.onnx`));
    const sum = createHash('sha256').update(recognizer).digest('hex');
    expect(files.find(({ role }) => role === 'recognizer')?.sha256).toBe(sum);
  });
});
