import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * Waits until its standard input is closed, which the end of the test process does however it ends, `kill -9` included.
 * Then it ends the server that the pid file names (a stopped one goes on first, lest it miss the signal), waits for it
 * and removes the folder. After `release` there is neither, and nothing is done.
 */
const guardScript = `
cat >/dev/null
if pid=$(cat "$1/guarded.pid" 2>/dev/null); then
  kill -"$2" "$pid"
  kill -CONT "$pid"
  tries=0
  while kill -0 "$pid" && [ "$tries" -lt 100 ]; do
    sleep 0.1
    tries=$((tries + 1))
  done
  kill -KILL "$pid"
fi 2>/dev/null
rm -rf "$1"
`;

/** A folder in tmp with at most one server in it; neither outlives the test process. */
export interface GuardedFolder {
  readonly path: string;
  /** The server that runs from now on. */
  watch(server: ChildProcess): Promise<void>;
  /** It has ended. */
  unwatch(): Promise<void>;
  /** Removes the folder, in which no server runs any more. */
  release(): Promise<void>;
}

export async function createGuardedFolder(options: {
  readonly prefix: string;
  /** What makes the server end at once and leave nothing behind. */
  readonly endSignal: 'KILL' | 'QUIT';
}): Promise<GuardedFolder> {
  const path = await mkdtemp(join(tmpdir(), options.prefix));
  const pidFile = join(path, 'guarded.pid');
  // A group of its own: who kills the tests' whole process group must not get the guard too.
  const guard = spawn('/bin/sh', ['-c', guardScript, 'test-server-guard', path, options.endSignal], {
    cwd: '/',
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  guard.unref();
  // Child processes' pipes are sockets, and this one is no reason for the tests to go on running.
  (guard.stdin as unknown as Socket).unref();
  return {
    path,
    watch: (server) => writeFile(pidFile, String(server.pid)),
    unwatch: () => rm(pidFile, { force: true }),
    async release() {
      await rm(path, { recursive: true, force: true });
      guard.stdin.end();
    },
  };
}
