import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import path from 'node:path';
import { EngineError } from './engine-error.ts';
import type { ModelName, WeightPrecision } from './types.ts';

/** Where the project keeps its baked weights. */
export const bakedModelsDir = fileURLToPath(new URL('../../../models', import.meta.url));

interface Checked {
  readonly file: string;
  /** Hexadecimal. */
  readonly sha256: string;
}

interface ManifestFile extends Checked {
  readonly name: string;
  readonly role: 'detector' | 'recognizer' | 'classifier';
  /** The same network in 8 bits, where that pays. */
  readonly int8?: Checked;
  readonly dictionary?: Checked;
  readonly thresholds?: Readonly<Record<string, number | string>>;
}

interface Manifest {
  readonly models: Readonly<Record<string, Readonly<Record<ManifestFile['role'], string>>>>;
  readonly files: readonly ManifestFile[];
}

/** Everything that one model needs, read and checked. */
export interface Weights {
  readonly detector: Uint8Array;
  readonly recognizer: Uint8Array;
  readonly classifier: Uint8Array;
  /** `characters[c]` is the text of class `c`. */
  readonly characters: readonly string[];
  readonly binThreshold: number;
  readonly boxThreshold: number;
  readonly unclipRatio: number;
  readonly classifierThreshold: number;
}

/** Which weights are meant. */
export interface WeightsChoice {
  readonly model: ModelName;
  /** With `int8`, networks that have no such weights come as float32. */
  readonly precision: WeightPrecision;
  /** The folder with manifest.json and the weights; the project's own if not said. */
  readonly modelsDir?: string | undefined;
}

/**
 * Reads a model's weights and dictionary.
 *
 * Throws `EngineError` `model_mismatch` when a file is missing or is not the one that manifest.json names: a service
 * that read with other weights than it reports would lie about every page.
 */
export async function readWeights(choice: WeightsChoice): Promise<Weights> {
  const { model, precision, modelsDir = bakedModelsDir } = choice;
  const manifest = await readManifest(modelsDir);
  const names = manifest.models[model];
  if (names === undefined) throw new EngineError('model_mismatch', `manifest.json names no model "${model}"`);
  const entry = (role: ManifestFile['role']): ManifestFile => {
    const found = manifest.files.find((file) => file.name === names[role]);
    if (found === undefined) throw new EngineError('model_mismatch', `manifest.json names no file "${names[role]}"`);
    return found;
  };
  const [detector, recognizer, classifier] = [entry('detector'), entry('recognizer'), entry('classifier')];
  if (recognizer.dictionary === undefined) {
    throw new EngineError('model_mismatch', `manifest.json names no dictionary for "${recognizer.name}"`);
  }
  return {
    detector: await readChecked(modelsDir, inPrecision(detector, precision)),
    recognizer: await readChecked(modelsDir, inPrecision(recognizer, precision)),
    classifier: await readChecked(modelsDir, inPrecision(classifier, precision)),
    characters: charactersOf(await readChecked(modelsDir, recognizer.dictionary)),
    binThreshold: threshold(detector, 'binThreshold'),
    boxThreshold: threshold(detector, 'boxThreshold'),
    unclipRatio: threshold(detector, 'unclipRatio'),
    classifierThreshold: threshold(classifier, 'threshold'),
  };
}

/** One of the files that a model is made of. */
export interface ModelFile {
  readonly role: ManifestFile['role'];
  /** Hexadecimal. */
  readonly sha256: string;
}

/** What `readWeights` reads of a model, without reading it: each engine checks the weights against these sums. */
export async function listModelFiles(choice: WeightsChoice): Promise<ModelFile[]> {
  const { models, files } = await readManifest(choice.modelsDir ?? bakedModelsDir);
  const names = new Set(Object.values(models[choice.model] ?? {}));
  return files
    .filter(({ name }) => names.has(name))
    .map((file) => ({ role: file.role, sha256: inPrecision(file, choice.precision).sha256 }));
}

function inPrecision(file: ManifestFile, precision: WeightPrecision): Checked {
  return precision === 'int8' ? (file.int8 ?? file) : file;
}

async function readManifest(modelsDir: string): Promise<Manifest> {
  try {
    return JSON.parse(await readFile(path.join(modelsDir, 'manifest.json'), 'utf8')) as Manifest;
  } catch (cause) {
    throw new EngineError('model_mismatch', `The models' manifest.json in ${modelsDir} cannot be read`, { cause });
  }
}

async function readChecked(modelsDir: string, { file, sha256 }: Checked): Promise<Uint8Array> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(path.join(modelsDir, file));
  } catch (cause) {
    throw new EngineError('model_mismatch', `The model file ${file} in ${modelsDir} cannot be read`, { cause });
  }
  const found = createHash('sha256').update(bytes).digest('hex');
  if (found === sha256) return bytes;
  throw new EngineError(
    'model_mismatch',
    `The model file ${file} is not the one that manifest.json names (sha256 ${found}, expected ${sha256})`,
  );
}

/** CTC's blank comes first and the space last; the dictionary has one character a line between them. */
function charactersOf(dictionary: Uint8Array): string[] {
  const lines = Buffer.from(dictionary).toString('utf8').replace(/\n$/, '').split('\n');
  return ['', ...lines, ' '];
}

function threshold(file: ManifestFile, name: string): number {
  const value = file.thresholds?.[name];
  if (typeof value === 'number') return value;
  throw new EngineError('model_mismatch', `manifest.json gives no threshold "${name}" for "${file.name}"`);
}
