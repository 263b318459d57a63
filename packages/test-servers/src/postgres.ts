import { ask, createDatabase, dropDatabase, dropLeftovers } from './postgres-databases.ts';
import { findPostgresPrograms } from './postgres-programs.ts';
import { startPostgresServer } from './postgres-server.ts';

/** A real Postgres with a fresh, empty database. */
export interface TestPostgres {
  /** Of the database. */
  readonly url: string;
  /** Of a server of our own. */
  readonly folder: string | undefined;
  /** False on the server of TEST_DATABASE_URL, which others may use: it cannot be broken. `test.skipIf(!postgres.isOurs)`. */
  readonly isOurs: boolean;
  /** For looking inside, by a connection of its own; the rows of one statement. */
  query(sql: string): Promise<Record<string, unknown>[]>;
  /** Another empty database on the same server; it goes with `stop`. */
  createDatabase(): Promise<string>;
  /** kill -9 of all its processes; what was committed stays. */
  kill(): Promise<void>;
  /** Comes back with its data, at the same URL. */
  start(): Promise<void>;
  /** Hangs: it keeps its connections and answers nothing. */
  pause(): Promise<void>;
  resume(): Promise<void>;
  /** Nothing of it stays. */
  stop(): Promise<void>;
}

const howTo =
  'Install Postgres (Debian and Ubuntu: apt-get install postgresql), say where its programs are ' +
  '(POSTGRES_BIN=/path/to/bin), or name a server that tests may make databases on: ' +
  'TEST_DATABASE_URL=postgres://user:password@host/postgres';

/**
 * Starts a server of its own in tmp, or uses the one that TEST_DATABASE_URL names. Takes one to three seconds: start one
 * for a test file, and make a database for each test that wants an empty one.
 */
export async function startPostgres(): Promise<TestPostgres> {
  const given = process.env['TEST_DATABASE_URL'];
  if (given) return useServer(given);
  const programs = findPostgresPrograms(process.env);
  if (programs === undefined) throw new Error(`The tests need Postgres, and none was found. ${howTo}`);
  const server = await startPostgresServer(programs).catch((error: unknown) => {
    throw new Error(`Postgres could not be started for the tests. ${howTo}`, { cause: error });
  });
  const url = await createDatabase(server.url);
  return {
    url,
    folder: server.folder,
    isOurs: true,
    query: (sql) => ask(url, sql),
    createDatabase: () => createDatabase(server.url),
    kill: server.kill,
    start: server.start,
    pause: server.pause,
    resume: server.resume,
    stop: server.stop,
  };
}

async function useServer(serverUrl: string): Promise<TestPostgres> {
  await dropLeftovers(serverUrl);
  const created: string[] = [];
  const create = async (): Promise<string> => {
    const url = await createDatabase(serverUrl);
    created.push(url);
    return url;
  };
  const refuse = async (): Promise<never> => {
    throw new Error('The server of TEST_DATABASE_URL is not ours to break: look at isOurs first');
  };
  const url = await create();
  return {
    url,
    folder: undefined,
    isOurs: false,
    query: (sql) => ask(url, sql),
    createDatabase: create,
    kill: refuse,
    start: refuse,
    pause: refuse,
    resume: refuse,
    async stop() {
      for (const one of created.splice(0)) await dropDatabase(serverUrl, one);
    },
  };
}
