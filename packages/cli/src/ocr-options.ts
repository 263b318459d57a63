import type { ParseArgsConfig } from 'node:util';
import { modelNames, type ModelName, type Precision, precisions } from '@glyphmill/ocr/pool';
import { parseFlags, parseNumber, UsageError } from './command-line.ts';

export interface OcrOptions {
  /** Files, folders and `-` (standard input), in the order given; at least one. */
  readonly inputs: readonly string[];
  readonly json: boolean;
  /** Where to draw the boxes; see boxes-path.ts. */
  readonly boxes: string | undefined;
  readonly model: ModelName;
  readonly precision: Precision;
  /** Lines below it are left out, 0..1. */
  readonly minConfidence: number;
  /** Engine processes; undefined: as many as there are usable cores. */
  readonly processes: number | undefined;
}

export type OcrRequest =
  | { readonly kind: 'help' }
  | { readonly kind: 'version' }
  | { readonly kind: 'run'; readonly options: OcrOptions };

const flags = {
  json: { type: 'boolean', default: false },
  boxes: { type: 'string' },
  model: { type: 'string', default: 'small' },
  precision: { type: 'string', default: 'auto' },
  'min-confidence': { type: 'string', default: '0.5' },
  processes: { type: 'string' },
  help: { type: 'boolean', short: 'h', default: false },
  version: { type: 'boolean', default: false },
} as const satisfies ParseArgsConfig['options'];

const maxProcesses = 256;

export const ocrUsage = `Reads the text in images.

Usage: npm run ocr -- [options] FILE… | FOLDER… | -

  FILE, FOLDER, -        images; folders with all in them; - is standard input
  --json                 one JSON object per image and line:
                         {file, width, height, lines: [{text, confidence, box}], timings}
                         or {file, error: {code, message}}
  --boxes OUT            draw boxes and texts on the pictures: a file (OUT.png), a folder,
                         or a pattern with {name} (out/{name}.png)
  --model small|tiny     small reads better (default), tiny reads faster
  --precision P          int8, fp32, or auto (default): int8 where the processor is fast with it
  --min-confidence N     leave out lines below it, 0 to 1 (default 0.5)
  --processes N          images read at the same time (default: one per core)
  -h, --help             this text
  --version              the version

Formats: JPEG, PNG, WebP, TIFF, GIF, AVIF (first page or frame), up to 20 MB and 40 megapixels.
Results come in the order of the inputs. The exit code is 0 when every image was read, 1 when any failed
(the others are still done), 2 when the command line is wrong.
`;

/** Reads the arguments after `ocr`. Throws `UsageError`. */
export function parseOcrArguments(args: readonly string[]): OcrRequest {
  const { values, positionals } = parseFlags(args, flags);
  if (values.help) return { kind: 'help' };
  if (values.version) return { kind: 'version' };
  if (positionals.length === 0) throw new UsageError('Name at least one image or folder');
  if (positionals.filter((input) => input === '-').length > 1) throw new UsageError('Standard input can be read once');
  if (positionals.includes('')) throw new UsageError('An empty file name');
  if (values.boxes === '') throw new UsageError('--boxes needs a file or a folder');
  return {
    kind: 'run',
    options: {
      inputs: positionals,
      json: values.json,
      boxes: values.boxes,
      model: parseModel(values.model),
      precision: parsePrecision(values.precision),
      minConfidence: parseNumber('--min-confidence', values['min-confidence'], { min: 0, max: 1, whole: false }),
      processes:
        values.processes === undefined
          ? undefined
          : parseNumber('--processes', values.processes, { min: 1, max: maxProcesses, whole: true }),
    },
  };
}

export function parseModel(value: string): ModelName {
  const model = modelNames.find((name) => name === value);
  if (model === undefined) throw new UsageError(`--model is one of ${modelNames.join(', ')}`);
  return model;
}

export function parsePrecision(value: string): Precision {
  const precision = precisions.find((name) => name === value);
  if (precision === undefined) throw new UsageError(`--precision is one of ${precisions.join(', ')}`);
  return precision;
}
