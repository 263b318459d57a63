import { parseArgs, type ParseArgsConfig } from 'node:util';

/** The command line cannot be understood; the message says why, for the person who typed it. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

type Flags = NonNullable<ParseArgsConfig['options']>;
type Parsed<F extends Flags> = ReturnType<
  typeof parseArgs<{ args: string[]; options: F; allowPositionals: true; strict: true }>
>;

/** Throws `UsageError` for a flag that is not among `flags`, or lacks its value. */
export function parseFlags<F extends Flags>(args: readonly string[], flags: F): Parsed<F> {
  try {
    return parseArgs({ args: [...args], options: flags, allowPositionals: true, strict: true });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error), { cause: error });
  }
}

export interface NumberRange {
  readonly min: number;
  readonly max: number;
  readonly whole: boolean;
}

/** Throws `UsageError` for what is no number, or none of the range. */
export function parseNumber(flag: string, text: string, { min, max, whole }: NumberRange): number {
  const value = text.trim() === '' ? Number.NaN : Number(text);
  if (!(value >= min && value <= max) || (whole && !Number.isInteger(value))) {
    throw new UsageError(`${flag} is a ${whole ? 'whole ' : ''}number from ${min} to ${max}`);
  }
  return value;
}
