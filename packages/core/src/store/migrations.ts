import { readdirSync, readFileSync } from 'node:fs';
import type { Migration } from './database.ts';

/** The database has a schema that this version of the program does not know; no retry helps. */
export class SchemaMismatchError extends Error {
  override readonly name = 'SchemaMismatchError';
}

/** What `drizzle-kit generate` left in the folder; it numbers the files. */
export function readMigrations(folder: URL): Migration[] {
  const files = readdirSync(folder).filter((file) => file.endsWith('.sql'));
  return files.toSorted().map((file) => ({
    name: file.slice(0, -'.sql'.length),
    statements: readFileSync(new URL(file, folder), 'utf8').split('--> statement-breakpoint'),
  }));
}

/** Those that the database still lacks. Throws SchemaMismatchError when it had others than ours. */
export function missingMigrations(known: readonly Migration[], applied: readonly string[]): readonly Migration[] {
  const strange = applied.find((name, index) => known[index]?.name !== name);
  if (strange === undefined) return known.slice(applied.length);
  throw new SchemaMismatchError(
    `The job store was changed by another version of Glyphmill: its migration ${strange} is not known to this one`,
  );
}
