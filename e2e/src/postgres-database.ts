import { Client } from 'pg';
import type { TestDatabase } from './test-database.ts';

/** Connects for each question: the server comes and goes. */
export function openPostgresDatabase(url: string): TestDatabase {
  const connect = async (): Promise<Client> => {
    const client = new Client({ connectionString: url });
    client.on('error', () => undefined);
    await client.connect();
    return client;
  };
  return {
    dialect: 'postgres',
    async query<Row>(sql: string) {
      const client = await connect();
      try {
        // Of many statements, pg gives many results.
        const result: unknown = await client.query(sql);
        return Array.isArray(result) ? [] : (result as { rows: Row[] }).rows;
      } finally {
        await client.end();
      }
    },
    async lock() {
      const client = await connect();
      await client.query('BEGIN; LOCK TABLE jobs IN EXCLUSIVE MODE');
      return () => client.end();
    },
    // It ends transactions of processes that stand still by itself.
    canWrite: async () => true,
    close: async () => undefined,
  };
}
