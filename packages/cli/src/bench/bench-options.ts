import type { ParseArgsConfig } from 'node:util';
import type { ModelName, Precision } from '@glyphmill/ocr/pool';
import { parseFlags, parseNumber, UsageError } from '../command-line.ts';
import { parseModel, parsePrecision } from '../ocr-options.ts';

export interface BenchOptions {
  /** A folder with images; the project's samples if not said. */
  readonly folder: string | undefined;
  readonly model: ModelName;
  readonly precision: Precision;
  /** How long pages are read, in seconds; half of it one at a time. */
  readonly seconds: number;
  readonly json: boolean;
}

const flags = {
  json: { type: 'boolean', default: false },
  model: { type: 'string', default: 'small' },
  precision: { type: 'string', default: 'auto' },
  seconds: { type: 'string', default: '20' },
  help: { type: 'boolean', short: 'h', default: false },
} as const satisfies ParseArgsConfig['options'];

export const benchUsage = `Says how many engines fit this machine and why, and how fast they read here.

Usage: npm run bench:machine -- [options] [FOLDER]

  FOLDER                 images to read (default: a few of the project's samples)
  --model small|tiny     small reads better (default), tiny reads faster
  --precision P          int8, fp32, or auto (default): int8 where the processor is fast with it
  --seconds N            how long to read, 1 to 600 (default 20): half of it one page at a time, half as many as it can
  --json                 one JSON object instead of a table
  -h, --help             this text

The exit code is 0 when pages were read, 1 when not, 2 when the command line is wrong.
`;

/** Reads the arguments after `bench`; undefined when help is asked for. Throws `UsageError`. */
export function parseBenchArguments(args: readonly string[]): BenchOptions | undefined {
  const { values, positionals } = parseFlags(args, flags);
  if (values.help) return undefined;
  if (positionals.length > 1) throw new UsageError('Name one folder at most');
  return {
    folder: positionals[0],
    model: parseModel(values.model),
    precision: parsePrecision(values.precision),
    seconds: parseNumber('--seconds', values.seconds, { min: 1, max: 600, whole: false }),
    json: values.json,
  };
}
