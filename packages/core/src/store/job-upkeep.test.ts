import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Database, OpenableDatabase } from './database.ts';
import { createJobUpkeep } from './job-upkeep.ts';
import { createSqliteDatabase } from './sqlite/sqlite-database.ts';
import { sql } from './statement.ts';

let folder: string;
let database: OpenableDatabase;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'glyphmill-upkeep-'));
  database = createSqliteDatabase({ url: `file:${folder}/ocr_data.db`, now: Date.now });
  await database.open();
  await database.migrations.migrate();
});
afterEach(async () => {
  await database.close();
  await rm(folder, { recursive: true });
});

/** Asks how SQLite would run the statements of a write, and runs none. */
function explained(plans: string[]): Database {
  return {
    ...database,
    write: (use) =>
      database.read((db) =>
        use({
          async all(query) {
            for (const { detail } of await db.all<{ detail: string }>(sql`EXPLAIN QUERY PLAN ${query}`)) {
              plans.push(detail);
            }
            return [];
          },
          run: async () => 0,
        }),
      ),
  };
}

test('jobs are sent anew by their ids, without a look at all the others', async () => {
  const plans: string[] = [];
  const job = { id: 'x', generation: 0, state: 'queued', lane: 'bulk', priority: 100, createdAt: 0 } as const;
  await createJobUpkeep(explained(plans)).resend([{ ...job, source: { kind: 'url', url: 'https://images.example/' } }]);
  const ofJobs = plans.filter((plan) => /\bjobs\b/.test(plan));
  expect(ofJobs).toEqual([expect.stringMatching(/^SEARCH jobs USING INDEX jobs_id /)]);
});
