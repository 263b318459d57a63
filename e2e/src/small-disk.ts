import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { closeSync, openSync, rmSync, statfsSync, writeSync } from 'node:fs';
import { mkdtemp, rmdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A small disk that can be full. */
export interface SmallDisk {
  readonly path: string;
  /** Leaves no room at all. */
  fill(): void;
  /** Gives the room back. */
  free(): void;
  remove(): Promise<void>;
}

/** Why there can be none here; undefined where it is possible. */
export function whyNoSmallDisk(): string | undefined {
  if (process.platform !== 'linux') return 'tmpfs is a thing of Linux';
  if (process.getuid?.() !== 0) return 'only root may mount';
  const probe = spawnSync('unshare', ['--mount', 'mount', '-t', 'tmpfs', 'tmpfs', '/mnt']);
  return probe.status === 0 ? undefined : 'this machine does not allow mounts';
}

/** Waits for the end of the test process, however it ends, and takes the disk away. */
const guardScript = 'cat >/dev/null; umount -l "$1" 2>/dev/null; rmdir "$1" 2>/dev/null';

export async function mountSmallDisk(megabytes: number): Promise<SmallDisk> {
  const path = await mkdtemp(join(tmpdir(), 'glyphmill-disk-'));
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m`, 'tmpfs', path]);
  const guard = spawn('/bin/sh', ['-c', guardScript, 'small-disk-guard', path], {
    cwd: '/',
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  guard.unref();
  const ballast = join(path, 'ballast');
  return {
    path,
    fill() {
      const block = Buffer.alloc(4096);
      const file = openSync(ballast, 'a');
      try {
        while (statfsSync(path).bavail > 0) writeSync(file, block);
      } catch (error) {
        if (!(error instanceof Error && 'code' in error && error.code === 'ENOSPC')) throw error;
      } finally {
        closeSync(file);
      }
    },
    free: () => {
      rmSync(ballast, { force: true });
    },
    async remove() {
      execFileSync('umount', ['-l', path]);
      await rmdir(path);
      guard.stdin.end();
    },
  };
}
