import { createHash } from 'node:crypto';
import { appendFile, cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { bakedModelsDir, listModelFiles, readWeights } from './manifest.ts';

const small = { model: 'small', precision: 'fp32' } as const;
const tiny = { model: 'tiny', precision: 'fp32' } as const;

let copy: string;
beforeEach(async () => {
  copy = await mkdtemp(path.join(tmpdir(), 'models-'));
  await cp(bakedModelsDir, copy, { recursive: true, filter: (file) => path.basename(file) !== 'bake' });
});
afterEach(() => rm(copy, { recursive: true }));

describe('readWeights', () => {
  it.each([
    ['small', 18_710],
    ['tiny', 6_906],
  ] as const)('knows the %s model, with a text for each of its classes', async (model, classes) => {
    const weights = await readWeights({ model, precision: 'fp32' });
    expect(weights.characters).toHaveLength(classes);
    expect(weights.characters[0]).toBe('');
    expect(weights.characters.at(-1)).toBe(' ');
    expect(weights.unclipRatio).toBeGreaterThan(1);
  });

  it('refuses weights that are not those of the manifest, and names them', async () => {
    await appendFile(path.join(copy, 'ppocrv6-small-recognizer.onnx'), 'x');
    await expect(readWeights({ ...small, modelsDir: copy })).rejects.toMatchObject({
      code: 'model_mismatch',
      message: expect.stringContaining('ppocrv6-small-recognizer.onnx'),
    });
    await expect(readWeights({ ...tiny, modelsDir: copy })).resolves.toBeDefined();
  });

  it('reads other weights for 8 bits, and only where there are such', async () => {
    const [float, eight] = await Promise.all([readWeights(small), readWeights({ ...small, precision: 'int8' })]);
    expect(eight.recognizer.length).toBeLessThan(float.recognizer.length);
    expect(eight.characters).toEqual(float.characters);
    expect(Buffer.from(eight.classifier).equals(float.classifier)).toBe(true);
  });

  it('checks the weights for 8 bits too', async () => {
    await appendFile(path.join(copy, 'ppocrv6-small-recognizer.int8.onnx'), 'x');
    await expect(readWeights({ ...small, precision: 'int8', modelsDir: copy })).rejects.toThrow('recognizer.int8.onnx');
    await expect(readWeights({ ...small, modelsDir: copy })).resolves.toBeDefined();
  });

  it('refuses another dictionary', async () => {
    await writeFile(path.join(copy, 'ppocrv6-tiny-recognizer.dictionary.txt'), 'a\nb\n');
    await expect(readWeights({ ...tiny, modelsDir: copy })).rejects.toMatchObject({ code: 'model_mismatch' });
  });

  it('says what is missing', async () => {
    await rm(path.join(copy, 'line-orientation-classifier.onnx'));
    await expect(readWeights({ ...small, modelsDir: copy })).rejects.toThrow('line-orientation-classifier.onnx');
    await rm(path.join(copy, 'manifest.json'));
    await expect(readWeights({ ...small, modelsDir: copy })).rejects.toThrow('manifest.json');
  });
});

describe('listModelFiles', () => {
  it.each([
    ['small', 'fp32', 'ppocrv6-small-recognizer.onnx'],
    ['small', 'int8', 'ppocrv6-small-recognizer.int8.onnx'],
    ['tiny', 'int8', 'ppocrv6-tiny-recognizer.int8.onnx'],
  ] as const)('names the sums of the files of weights of %s in %s', async (model, precision, file) => {
    const files = await listModelFiles({ model, precision });
    expect(files.map(({ role }) => role).toSorted()).toEqual(['classifier', 'detector', 'recognizer']);
    const recognizer = await readFile(path.join(bakedModelsDir, file));
    const sum = createHash('sha256').update(recognizer).digest('hex');
    expect(files.find(({ role }) => role === 'recognizer')?.sha256).toBe(sum);
  });
});
