import { Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import type { Logger } from '../../logging.ts';
import { endsConnection } from './postgres-failure.ts';
import { Turns } from './turns.ts';

/** Calls end soon while the server is away or hangs, and their callers decide what then. */
const connectTimeoutMs = 1_000;
const statementTimeoutMs = 2_000;
/** Less, so that it is known which of both has ended a statement. */
const lockTimeoutMs = 1_800;
/** The server ends a statement first; one that hangs ends none. */
const answerGraceMs = 200;
/** A burst waits for its turn as long as one waits for SQLite's lock. */
const turnTimeoutMs = 4_000;
const closeTimeoutMs = 1_000;
const poolSizes = { write: 10, read: 4 } as const;
/** A process that was stopped in a transaction must not keep its locks from everybody. */
const idleInTransactionMs = 5_000;
const sessionSettings = [
  // A host that is gone, or reads nothing any more, must not keep its connections for hours.
  'SET tcp_keepalives_idle = 10',
  'SET tcp_keepalives_interval = 5',
  'SET tcp_keepalives_count = 3',
  'SET tcp_user_timeout = 30000',
  // As on SSDs or in memory. The default is for disks that turn, and has searches read all lines instead of an index.
  'SET random_page_cost = 1.1',
].join('; ');

export interface Connections {
  use<T>(work: (client: pg.PoolClient) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

export interface ConnectionOptions {
  readonly url: string;
  readonly logger: Logger;
  /** What the sessions may do; those that only read are fewer. */
  readonly access?: 'read' | 'write';
}

export function createConnections({ url, logger, access = 'write' }: ConnectionOptions): Connections {
  const poolSize = poolSizes[access];
  const sockets = new Set<Socket>();
  let closed: Promise<void> | undefined;
  const pool = new pg.Pool({
    connectionString: url,
    max: poolSize,
    application_name: 'glyphmill',
    keepAlive: true,
    connectionTimeoutMillis: connectTimeoutMs,
    statement_timeout: statementTimeoutMs,
    lock_timeout: lockTimeoutMs,
    query_timeout: statementTimeoutMs + answerGraceMs,
    idle_in_transaction_session_timeout: idleInTransactionMs,
    stream: () => trackedSocket(sockets),
  });
  pool.on('error', (error) => logger.debug({ err: error.message }, 'idle connection to the job store ended'));
  // Not every server that speaks Postgres's language has them.
  const settings = access === 'read' ? `SET default_transaction_read_only = on; ${sessionSettings}` : sessionSettings;
  pool.on('connect', (client) => void client.query(settings).catch(() => undefined));
  // The pool's own queue has the time limit of a connect, which a burst on a healthy server exceeds.
  const turns = new Turns({ atOnce: poolSize, waitLimitMs: turnTimeoutMs });

  return {
    use: (work) => turns.take(() => withClient(pool, work)),
    async close() {
      closed ??= pool.end();
      // A server that hangs never answers a goodbye.
      await Promise.race([closed, delay(closeTimeoutMs, undefined, { ref: false })]);
      for (const socket of sockets) socket.destroy();
    },
  };
}

/** For a statement that may work longer than the others: these are sent with a timeout of their own, at the server, too. */
export function answerLimitMs(statementLimitMs: number): number {
  return statementLimitMs + answerGraceMs;
}

function trackedSocket(sockets: Set<Socket>): Socket {
  const socket = new Socket();
  sockets.add(socket);
  socket.once('close', () => sockets.delete(socket));
  return socket;
}

/** A connection that failed is not used again: the server's answer to an earlier statement may still arrive on it. */
async function withClient<T>(pool: pg.Pool, work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
  const client = await pool.connect();
  let isUsable = true;
  // A connection that ends between two statements tells so by an event, which nobody but this would hear.
  const ignoreEnd = (): void => undefined;
  client.on('error', ignoreEnd);
  try {
    return await work(client);
  } catch (error) {
    isUsable = !endsConnection(error);
    throw error;
  } finally {
    client.off('error', ignoreEnd);
    client.release(!isUsable);
  }
}
