import { z } from 'zod';
import { ConfigError, databaseUrlOf, parseEnvironment, settings } from '../config.ts';
import { createLogger } from '../logging.ts';
import { migrateJobStore } from './create-job-store.ts';
import { SchemaMismatchError } from './migrations.ts';

const migrateSettings = z.object({
  DATABASE_URL: settings.databaseUrl,
  DATA_DIR: settings.dataDir,
  LOG_LEVEL: settings.logLevel,
});

/** The whole of a program that brings the schema up to date. Returns its exit code: 0 it fits, 1 it is newer, 2 a wrong setting. */
export async function runMigrate(surroundings: {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stdout: NodeJS.WritableStream;
  readonly stderr: NodeJS.WritableStream;
}): Promise<number> {
  const { env, stdout, stderr } = surroundings;
  try {
    const parsed = parseEnvironment(migrateSettings, env);
    const logger = createLogger({ service: 'migrate', level: parsed.LOG_LEVEL });
    await migrateJobStore({ databaseUrl: databaseUrlOf(parsed), logger });
    stdout.write('The database is up to date.\n');
    return 0;
  } catch (error) {
    if (error instanceof ConfigError || error instanceof SchemaMismatchError) stderr.write(`${error.message}\n`);
    if (error instanceof SchemaMismatchError) return 1;
    if (error instanceof ConfigError) return 2;
    throw error;
  }
}
