import path from 'node:path';

/** What main.ts hands to each command. */
export interface Surroundings {
  /** Relative names on the command line are meant from here. */
  readonly cwd: string;
  /** Environment of the processes that are started. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly print: (text: string) => void;
  /** Progress, for people only. */
  readonly note: (text: string) => void;
}

/** The command line cannot be understood; the message says why. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** Throws `UsageError` unless the text is a whole number from `min` on; undefined stays undefined. */
export function wholeNumber(flag: string, text: string | undefined, min: number): number | undefined {
  if (text === undefined) return undefined;
  const value = text.trim() === '' ? Number.NaN : Number(text);
  if (!Number.isInteger(value) || value < min) throw new UsageError(`${flag} is a whole number from ${min} on`);
  return value;
}

/** Throws `UsageError` unless the text is a number above 0; undefined stays undefined. */
export function positiveNumber(flag: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const value = text.trim() === '' ? Number.NaN : Number(text);
  if (!Number.isFinite(value) || value <= 0) throw new UsageError(`${flag} is a number above 0`);
  return value;
}

export function oneOf<T extends string>(flag: string, text: string, choices: readonly T[]): T {
  const choice = choices.find((candidate) => candidate === text);
  if (choice === undefined) throw new UsageError(`${flag} is one of ${choices.join(', ')}`);
  return choice;
}

/** The folder that a command is about, as an absolute path. Throws `UsageError` unless exactly one is named. */
export function oneFolder([dir, ...rest]: readonly string[], cwd: string): string {
  if (dir === undefined || rest.length > 0) throw new UsageError('Name one folder of images');
  return path.resolve(cwd, dir);
}

/** An absolute path; undefined stays undefined. */
export function absolutePath(file: string | undefined, cwd: string): string | undefined {
  return file === undefined ? undefined : path.resolve(cwd, file);
}
