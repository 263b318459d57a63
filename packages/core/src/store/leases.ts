import { randomUUID } from 'node:crypto';
import { sql } from './statement.ts';
import type { Database } from './database.ts';
import type { JobStore } from './job-store.ts';

/**
 * How far the clocks of two processes may honestly differ. A time that lies further ahead than anybody could have meant
 * was written before the clock was set back, and is not waited for.
 */
export const clockSlackMs = 5_000;

export function createLeases(database: Database): Pick<JobStore, 'acquireLease' | 'releaseLease' | 'check'> {
  const acquire = async ({ name, holder, ttlMs }: Parameters<JobStore['acquireLease']>[0]): Promise<boolean> => {
    const now = database.now();
    const taken = await database.write((db) =>
      db.all(
        sql`INSERT INTO leases (name, holder, expires_at) VALUES (${name}, ${holder}, ${now + ttlMs})
          ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, expires_at = excluded.expires_at
          WHERE leases.holder = excluded.holder OR leases.expires_at <= ${now}
            OR leases.expires_at > ${now + ttlMs + clockSlackMs}
          RETURNING name`,
      ),
    );
    return taken.length > 0;
  };
  return {
    acquireLease: acquire,
    async releaseLease({ name, holder }) {
      await database.write((db) => db.run(sql`DELETE FROM leases WHERE name = ${name} AND holder = ${holder}`));
    },
    async check() {
      // A row of its own: nobody whose transaction hangs can hold it up.
      const name = `check ${randomUUID()}`;
      await database.write(async (db) => {
        await db.run(sql`INSERT INTO leases (name, holder, expires_at) VALUES (${name}, '', 0)`);
        await db.run(sql`DELETE FROM leases WHERE name = ${name}`);
      });
    },
  };
}
