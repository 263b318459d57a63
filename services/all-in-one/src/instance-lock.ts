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
  const database = openLockFile(path.join(folder, 'all-in-one.lock'));
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

function openLockFile(file: string): DatabaseSync {
  try {
    // Who holds the lock holds it for long: waiting for it is no use.
    return new DatabaseSync(file, { timeout: 0 });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new StartError(`${file} cannot be opened: ${reason}\nDATA_DIR=/another/folder changes where it is.`, {
      cause: error,
    });
  }
}
