import { setTimeout as delay } from 'node:timers/promises';
import { OcrError } from '../errors.ts';
import type { OpenableDatabase } from './database.ts';
import { missingMigrations, SchemaMismatchError } from './migrations.ts';

const firstDelayMs = 100;
const maxDelayMs = 1_000;

/** The part of a logger that the store needs; what it is given can be sent to another thread. */
export interface StoreLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
}

interface Patience {
  readonly logger: StoreLog;
  readonly signal: AbortSignal;
}

export interface OpenOptions extends Patience {
  readonly migrate: 'auto' | 'never';
}

/**
 * Tries until the database is open and its schema is ours. Throws SchemaMismatchError only; returns when the signal fires,
 * too.
 */
export function openStore(database: OpenableDatabase, options: OpenOptions): Promise<void> {
  return openPatiently(async () => {
    await database.open();
    await fitSchema(database, options);
  }, options);
}

/** The same for any way of opening. */
export async function openPatiently(open: () => Promise<void>, { logger, signal }: Patience): Promise<void> {
  let delayMs = firstDelayMs;
  let lastProblem: string | undefined;
  while (!signal.aborted) {
    try {
      await open();
      return;
    } catch (error) {
      if (error instanceof SchemaMismatchError) throw error;
      const problem = OcrError.from(error);
      const text = `${problem.code}: ${String(problem.cause)}`;
      if (text !== lastProblem) logger.warn({ reason: text }, 'job store cannot be opened yet');
      lastProblem = text;
    }
    await delay(delayMs, undefined, { signal }).catch(() => undefined);
    delayMs = Math.min(delayMs * 2, maxDelayMs);
  }
}

async function fitSchema(database: OpenableDatabase, { migrate, logger }: OpenOptions): Promise<void> {
  const missing = missingMigrations(database.migrations.known, await database.migrations.applied());
  if (missing.length === 0) return;
  if (migrate === 'never') {
    throw new OcrError('store_unavailable', 'The job store is not set up yet', {
      cause: new Error(
        `${missing.length} migrations are missing, and MIGRATE=never leaves them to the migrate command`,
      ),
    });
  }
  await database.migrations.migrate();
  logger.info({ migrations: missing.map(({ name }) => name) }, 'job store migrated');
}
