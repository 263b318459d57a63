import { accessSync, constants, globSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Distributions keep the server's programs out of the PATH, by version. */
const hiddenFolders = [
  '/usr/lib/postgresql/*/bin',
  '/usr/lib/postgresql*/bin',
  '/usr/pgsql-*/bin',
  '/opt/homebrew/opt/postgresql@*/bin',
  '/usr/local/opt/postgresql@*/bin',
];

export interface PostgresPrograms {
  readonly initdb: string;
  readonly postgres: string;
}

/** In POSTGRES_BIN alone where that is set, as the set-up does; else on the PATH, else the newest that is installed. */
export function findPostgresPrograms(env: Readonly<Record<string, string | undefined>>): PostgresPrograms | undefined {
  const newestFirst = hiddenFolders.flatMap((pattern) => globSync(pattern)).toSorted(byVersionDescending);
  const folders = env['POSTGRES_BIN']
    ? [env['POSTGRES_BIN']]
    : [...(env['PATH'] ?? '').split(delimiter), ...newestFirst];
  for (const folder of folders) {
    const programs = { initdb: join(folder, 'initdb'), postgres: join(folder, 'postgres') };
    if (folder !== '' && isProgram(programs.initdb) && isProgram(programs.postgres)) return programs;
  }
  return undefined;
}

function byVersionDescending(a: string, b: string): number {
  return b.localeCompare(a, 'en', { numeric: true });
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
