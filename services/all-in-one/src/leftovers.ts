import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Which children run, on disk: an instance that was killed cannot stop them, and while their own guards do, the next
 * instance must wait for them, since they hold ports and the socket. A pid alone may meanwhile be somebody else's;
 * together with the moment at which the process started it is one process only.
 */
export interface ChildRecord {
  write(name: string, pid: number): void;
  remove(name: string): void;
  /** Ends the children of a predecessor that did not end them itself. Returns their names. */
  endLeftovers(graceMs: number): Promise<string[]>;
}

export function createChildRecord(dataFolder: string): ChildRecord {
  const folder = path.join(dataFolder, 'children');
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const fileOf = (name: string) => path.join(folder, `${name}.pid`);
  return {
    write(name, pid) {
      writeFileSync(fileOf(name), `${pid} ${startedWhen(pid) ?? ''}\n`);
    },
    remove(name) {
      rmSync(fileOf(name), { force: true });
    },
    async endLeftovers(graceMs) {
      const found = readdirSync(folder).map((file) => {
        const [pid = '', ...started] = readFileSync(path.join(folder, file), 'utf8').trim().split(' ');
        return { name: path.basename(file, '.pid'), pid: Number(pid), started: started.join(' ') };
      });
      const alive = found.filter(isAlive);
      for (const { pid } of alive) signal(pid, 'SIGTERM');
      const giveUpAt = performance.now() + graceMs;
      while (alive.some(isAlive) && performance.now() < giveUpAt) await sleep(50);
      for (const child of alive.filter(isAlive)) signal(-child.pid, 'SIGKILL');
      for (const { name } of found) rmSync(fileOf(name), { force: true });
      return alive.map(({ name }) => name);
    },
  };
}

function isAlive({ pid, started }: { pid: number; started: string }): boolean {
  return started !== '' && startedWhen(pid) === started;
}

/** When the process started, in whatever form the system tells it; undefined when there is none (or only a zombie). */
function startedWhen(pid: number): string | undefined {
  if (!Number.isSafeInteger(pid) || pid <= 1) return undefined;
  try {
    if (process.platform === 'linux') {
      // The fields after the program's name, which may hold spaces: 0 is the state, 19 the start in clock ticks.
      const fields = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ').at(-1)?.split(' ');
      return fields?.[0] === 'Z' ? undefined : fields?.[19];
    }
    const started = execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' }).trim();
    return started === '' ? undefined : started.replaceAll(/\s+/g, '_');
  } catch {
    return undefined;
  }
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // Gone in the meantime.
  }
}
