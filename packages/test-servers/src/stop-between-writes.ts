import { execFile } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';

const maxTries = 20;

/**
 * SIGSTOP, at a moment when the process does not keep others from writing to an SQLite database. One that is stopped in
 * the middle of a commit holds the lock until it goes on, and no other process can do anything about that: a locked
 * database is another fault than a process that stands still. `canWrite` is asked while the process is stopped; it gives a
 * writer that runs the time to finish.
 */
export async function stopBetweenWrites(pid: number, canWrite: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < maxTries; tries += 1) {
    process.kill(pid, 'SIGSTOP');
    while (!(await standsStill(pid))) await delay(1);
    if (await canWrite()) return;
    process.kill(pid, 'SIGCONT');
    await delay(50);
  }
  throw new Error(`Nobody could write each time that process ${pid} was stopped`);
}

/** The signal reaches each thread a moment after it was sent. */
async function standsStill(pid: number): Promise<boolean> {
  const states = process.platform === 'linux' ? await threadStates(pid) : await processState(pid);
  return states.every((state) => state === 'T' || state === 't');
}

async function threadStates(pid: number): Promise<string[]> {
  const threads = await readdir(`/proc/${pid}/task`);
  const stats = await Promise.all(
    threads.map((thread) => readFile(`/proc/${pid}/task/${thread}/stat`, 'utf8').catch(() => ') T')),
  );
  // id (name) state …; the name may hold spaces and brackets.
  return stats.map((stat) => stat.charAt(stat.lastIndexOf(')') + 2));
}

async function processState(pid: number): Promise<string[]> {
  const { stdout } = await promisify(execFile)('ps', ['-o', 'state=', '-p', String(pid)]);
  return [stdout.trim().charAt(0)];
}
