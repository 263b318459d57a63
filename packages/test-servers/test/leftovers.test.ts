import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, test } from 'vitest';

const script = fileURLToPath(new URL('leaving-process.ts', import.meta.url));
let running: ChildProcess | undefined;
afterEach(() => running?.kill('SIGKILL'));

/** Command lines of all processes that name one of the folders. */
function processesIn(folders: readonly string[]): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
      } catch {
        return '';
      }
    })
    .filter((line) => folders.some((folder) => line.includes(folder)));
}

test.skipIf(process.platform !== 'linux').each(['killed', 'paused', 'ended'])(
  'servers and folders of a test run that is %s without a stop are gone',
  async (how) => {
    // A group of its own, all of which is killed, as a job's time limit does.
    running = spawn(process.execPath, [script, how], { detached: true, stdio: ['ignore', 'pipe', 'inherit'] });
    const [line] = (await once(createInterface(running.stdout!), 'line')) as [string];
    const folders = JSON.parse(line) as string[];
    expect(folders.length).toBeGreaterThan(0);
    expect(folders.filter((folder) => existsSync(folder))).toEqual(folders);
    expect(processesIn(folders).length).toBeGreaterThan(folders.length);
    if (how !== 'ended') process.kill(-running.pid!, 'SIGKILL');
    const deadline = Date.now() + 30_000;
    while (processesIn(folders).length > 0 || folders.some((folder) => existsSync(folder))) {
      expect({ processes: processesIn(folders), late: Date.now() > deadline }).toMatchObject({ late: false });
      await delay(50);
    }
  },
);
