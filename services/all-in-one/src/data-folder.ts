import { createHash } from 'node:crypto';
import { chmodSync, existsSync, lstatSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import path from 'node:path';
import { StartError } from './start-error.ts';

export interface DataFolder {
  readonly path: string;
  /** Redis' socket; its folder is open to this user only. */
  readonly socketPath: string;
  /** Removes what only a running instance needs. */
  clean(): void;
}

/** What a Unix socket's address can hold on every system, its final zero left out (Linux 107, macOS 103). */
const longestSocketPath = 103;
const privateMode = 0o700;

/** Makes DATA_DIR, readable by this user only: it will hold what people upload. */
export function prepareDataFolder(setting: string, temporaryFolder = tmpdir()): DataFolder {
  const folder = path.resolve(setting);
  try {
    const created = makeFolder(folder);
    // Somebody's folder that was there before (a home folder, /tmp) keeps its rights; ours is closed.
    if (created || isOurs(folder)) chmodSync(folder, privateMode);
    const socketFolder = makeSocketFolder(folder, temporaryFolder);
    return {
      path: folder,
      socketPath: path.join(socketFolder, 'redis.sock'),
      clean: () => {
        rmSync(socketFolder, { recursive: true, force: true });
      },
    };
  } catch (error) {
    if (error instanceof StartError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new StartError(`The data folder ${folder} cannot be used: ${reason}\nDATA_DIR=/another/folder changes it.`, {
      cause: error,
    });
  }
}

/** False when it was there. Not `recursive`: Node never returns from that where nothing can be made, as in /proc. */
function makeFolder(folder: string): boolean {
  if (existsSync(folder)) return false;
  makeFolder(path.dirname(folder));
  mkdirSync(folder, { mode: privateMode });
  return true;
}

function isOurs(folder: string): boolean {
  return existsSync(path.join(folder, 'all-in-one.lock')) || readdirSync(folder).length === 0;
}

/** Inside the data folder where a socket's address may be that long, else a folder of its own among temporary files. */
function makeSocketFolder(folder: string, temporaryFolder: string): string {
  const inside = path.join(folder, 'run');
  if (Buffer.byteLength(path.join(inside, 'redis.sock')) <= longestSocketPath) {
    makeFolder(inside);
    chmodSync(inside, privateMode);
    return inside;
  }
  const { uid, username } = userInfo();
  const name = `glyphmill-${uid}-${createHash('sha256').update(folder).digest('hex').slice(0, 12)}`;
  const outside = [temporaryFolder, '/tmp']
    .map((parent) => path.join(parent, name))
    .find((candidate) => Buffer.byteLength(path.join(candidate, 'redis.sock')) <= longestSocketPath);
  if (outside === undefined) throw new StartError(`No folder is short enough for a Unix socket: ${folder}`);
  makeFolder(outside);
  // Anybody could have made that folder first, or a link in its place.
  const found = lstatSync(outside);
  if (!found.isDirectory() || found.uid !== uid || (found.mode & 0o077) !== 0) {
    throw new StartError(
      `${outside} is not a folder that only ${username} can open. Remove it, or use a shorter DATA_DIR.`,
    );
  }
  return outside;
}
