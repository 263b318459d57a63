import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
// oxlint-disable-next-line no-restricted-imports -- for its file lock alone: nothing is stored
import { DatabaseSync } from 'node:sqlite';
import { StartError } from './start-error.ts';

export interface InstanceLock {
  release(): void;
}

/**
 * One instance for each data folder. The kernel holds the lock (SQLite's file lock is the only one that Node offers) and
 * drops it with the process, however that ends: no lock file can be stale. The pid beside it is only for the message.
 */
export function lockDataFolder(folder: string): InstanceLock {
  const pidFile = path.join(folder, 'all-in-one.pid');
  const database = new DatabaseSync(path.join(folder, 'all-in-one.lock'), { timeout: 0 });
  try {
    database.exec('BEGIN EXCLUSIVE');
  } catch (error) {
    database.close();
    const holder = existsSync(pidFile) ? ` (process ${readFileSync(pidFile, 'utf8').trim()})` : '';
    throw new StartError(
      `Glyphmill already runs on the data folder ${folder}${holder}.\n` +
        'Stop that one first, or give this one a folder and ports of its own: DATA_DIR=./data2 PORT=8001 OPS_PORT=9474 npm start',
      { cause: error },
    );
  }
  writeFileSync(pidFile, `${process.pid}\n`);
  return {
    release() {
      rmSync(pidFile, { force: true });
      database.close();
    },
  };
}
