import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import Database from 'better-sqlite3';
import { OcrError } from '../../src/errors.ts';
import { createPostgresDatabase } from '../../src/store/postgres/postgres-database.ts';
import { sql } from '../../src/store/statement.ts';
import { claimOne, logger, newJob, openStore, pageOf } from './store-fixture.ts';

/** Another process at the same database. It says what it has done, a line each. */
export interface StoreProcess {
  readonly lines: readonly string[];
  /** Resolves when it has said so; rejects when it ends before. */
  says(line: string): Promise<void>;
  kill(): void;
  /** After a SIGSTOP. */
  resume(): void;
  /** Its exit code; undefined when it was killed. */
  readonly ended: Promise<number | undefined>;
}

export function startStoreProcess(...args: readonly string[]): StoreProcess {
  const child: ChildProcess = spawn(process.execPath, [fileURLToPath(import.meta.url), ...args], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const lines: string[] = [];
  if (child.stdout === null) throw new Error('No output to read');
  const reader = createInterface({ input: child.stdout });
  reader.on('line', (line) => lines.push(line));
  const ended = once(child, 'close').then(([code]) => (typeof code === 'number' ? code : undefined));
  return {
    lines,
    ended,
    kill: () => child.kill('SIGKILL'),
    resume: () => child.kill('SIGCONT'),
    async says(line) {
      while (!lines.includes(line)) {
        const event = await Promise.race([once(reader, 'line'), ended.then(() => 'ended')]);
        if (event === 'ended' && !lines.includes(line)) throw new Error(`Ended without saying ${line}`);
      }
    },
  };
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

const commands: Readonly<Record<string, (url: string, argument: string) => Promise<void>>> = {
  async open(url) {
    const store = await openStore(url);
    await store.check();
    await store.close();
  },

  /** Accepts so many jobs one by one, a few at a time, and names those that it was promised. */
  async accept(url, count) {
    const store = await openStore(url);
    const accept = async (index: number): Promise<void> => {
      const [job] = await store.accept([newJob({ idempotency: { key: `key-${index}`, fingerprint: 'f' } })]);
      if (job?.created) say(job.id);
    };
    for (let index = 0; index < Number(count); index += 8) {
      await Promise.all(Array.from({ length: 8 }, (_item, offset) => accept(index + offset)));
    }
    await store.close();
  },

  /** Runs whatever waits until nothing does, and names the jobs whose end was its own. */
  async work(url, name) {
    const store = await openStore(url);
    for (;;) {
      const waiting = await store.pending({ untouchedSince: Date.now() + 1000, limit: 30 });
      if (waiting.length === 0) break;
      for (const { id, generation } of waiting.toSorted(() => Math.random() - 0.5)) {
        const claim = await claimOne(store, { id, generation }).catch(() => undefined);
        if (claim !== undefined && (await store.finishSucceeded(claim, pageOf(`by ${name}`)))) say(id);
      }
    }
    await store.close();
  },

  /** Takes a lease and a job's row on Postgres, and is stopped before the commit; then says what came of it. */
  async stop(url, id) {
    const database = createPostgresDatabase({ url, logger, now: undefined });
    await database.open();
    const holdRows = database.write(async (db) => {
      await db.run(sql`INSERT INTO leases (name, holder, expires_at) VALUES ('leader', 'stopped', 0)`);
      await db.all(sql`SELECT name FROM leases FOR UPDATE`);
      await db.run(sql`UPDATE jobs SET priority = 1 WHERE id = ${id}`);
      say('stopped');
      process.kill(process.pid, 'SIGSTOP');
    });
    say(await holdRows.then(() => 'committed').catch((error: unknown) => OcrError.from(error).code));
    say(`sees ${(await database.read((db) => db.all(sql`SELECT 1 FROM jobs`))).length}`);
    await database.close();
  },

  /** Holds SQLite's write lock for so many milliseconds. */
  async lock(url, durationMs) {
    const connection = new Database(url.slice('file:'.length));
    connection.exec('BEGIN EXCLUSIVE');
    say('locked');
    await new Promise((resolve) => {
      setTimeout(resolve, Number(durationMs));
    });
    connection.exec('ROLLBACK');
    connection.close();
  },
};

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [command = '', url = '', argument = ''] = process.argv.slice(2);
  // Nobody is left to read what it says.
  process.stdin.resume().once('end', () => process.exit(1));
  await commands[command]?.(url, argument);
  process.exit();
}
