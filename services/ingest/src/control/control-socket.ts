import { lstat, mkdir, unlink } from 'node:fs/promises';
import type { Server } from 'node:http';
import { connect } from 'node:net';
import { dirname } from 'node:path';
import { errnoOf } from '../folder/file-fault.ts';

/** Owner and group may steer; nobody else can even connect. */
const forbiddenModes = 0o117;

/** Another process listens on the socket: it looks after this data folder already. */
export class SocketTaken extends Error {
  override readonly name = 'SocketTaken';
}

/**
 * Has the server listen on a Unix socket with mode 0660. What a process left behind that was killed is replaced. Throws
 * SocketTaken where somebody listens.
 */
export async function listenOnSocket(server: Server, path: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  if (await isSocketThere(path)) {
    if (await answers(path)) throw new SocketTaken('Another ingest service uses this data folder');
    await unlink(path);
  }
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once('error', reject);
  // The socket is made within this call, so that it never has another mode.
  const before = process.umask(forbiddenModes);
  try {
    server.listen(path, resolve);
  } finally {
    process.umask(before);
  }
  await promise;
  server.off('error', reject);
}

/** Throws where something else is in its place: that is nobody's to delete. */
async function isSocketThere(path: string): Promise<boolean> {
  try {
    if ((await lstat(path)).isSocket()) return true;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return false;
    throw error;
  }
  throw new Error(`${path} is no socket: it must be moved away`);
}

/** Whether somebody listens; a process that hangs does, too. */
function answers(path: string): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const socket = connect(path);
  socket.once('connect', () => {
    resolve(true);
  });
  socket.once('error', () => {
    resolve(false);
  });
  return promise.finally(() => {
    socket.destroy();
  });
}
