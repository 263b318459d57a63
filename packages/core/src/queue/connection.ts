import { Redis, type RedisOptions as AllRedisOptions } from 'ioredis';
import type { Logger } from '../logging.ts';

/** Without what would change the types of replies. */
export type RedisOptions = Omit<AllRedisOptions, 'replyMapping'>;

const maxRetryDelayMs = 500;

function retryDelay(attempt: number): number {
  return Math.min(25 * 2 ** Math.min(attempt, 10), maxRetryDelayMs);
}

/** `redis://`, `rediss://` (TLS) or `unix:///path`; throws without repeating the URL, which may hold a password. */
export function redisOptions(redisUrl: string): RedisOptions {
  if (!URL.canParse(redisUrl)) throw new Error('The Redis URL cannot be read');
  const url = new URL(redisUrl);
  const credentials = {
    ...(url.username === '' ? {} : { username: decodeURIComponent(url.username) }),
    ...(url.password === '' ? {} : { password: decodeURIComponent(url.password) }),
  };
  switch (url.protocol) {
    case 'unix:':
      return { ...credentials, path: decodeURIComponent(url.pathname), db: Number(url.searchParams.get('db') ?? 0) };
    case 'redis:':
    case 'rediss:':
      return {
        ...credentials,
        host: url.hostname.replace(/^\[(.*)\]$/, '$1'),
        port: url.port === '' ? 6379 : Number(url.port),
        db: Number(url.pathname.slice(1) || 0),
        ...(url.protocol === 'rediss:' ? { tls: { servername: url.hostname } } : {}),
      };
    default:
      throw new Error('The Redis URL must start with redis://, rediss:// or unix://');
  }
}

export interface ConnectOptions {
  readonly redisUrl: string;
  readonly logger: Logger;
  /** What it is for, in logs and in Redis' client list. */
  readonly role: string;
}

/**
 * A connection that answers nothing for so long, though it was asked, is given up for a new one: a peer that vanished
 * without a word (a failover, a firewall that forgot us) would be noticed by TCP only after many minutes.
 */
const silenceMs = { failingFast: 3_000, patient: 8_000 };

/** For callers who must get an answer or an error at once: nothing waits for a connection, nothing is sent twice. */
export function connectFailingFast(options: ConnectOptions): Redis {
  return connect(options, {
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    connectTimeout: 1_000,
    commandTimeout: 1_100,
    socketTimeout: silenceMs.failingFast,
  });
}

/** For workers: commands wait until Redis is back, however long that takes. */
export function connectPatiently(options: ConnectOptions): Redis {
  return connect(options, {
    maxRetriesPerRequest: null,
    connectTimeout: 5_000,
    keepAlive: 10_000,
    socketTimeout: silenceMs.patient,
  });
}

function connect(options: ConnectOptions, behavior: RedisOptions): Redis {
  const client = new Redis({
    ...redisOptions(options.redisUrl),
    ...behavior,
    connectionName: `glyphmill-${options.role}`,
    retryStrategy: retryDelay,
    // What proxies and old servers speak too.
    protocol: 2,
    // Nobody hears when its subscribing anew fails, and an unheard rejection ends the process: see keepSubscribed.
    autoResubscribe: false,
  });
  logOutages(client, options);
  return client;
}

/**
 * Subscribes to what `channels` lists whenever the connection is ready, then calls `then`. Where that fails the
 * connection has broken again, and the next one is subscribed anew.
 */
export function keepSubscribed(client: Redis, channels: () => readonly string[], then?: () => void): void {
  client.on('ready', () => {
    const wanted = channels();
    const subscribed = wanted.length === 0 ? Promise.resolve() : client.subscribe(...wanted);
    subscribed.then(
      () => then?.(),
      () => undefined,
    );
  });
}

/** One line when Redis goes and one when it is back; an unheard 'error' event would end the process. */
function logOutages(client: Redis, { logger, role }: ConnectOptions): void {
  let down = false;
  client.on('error', (error: Error) => {
    if (!down) logger.warn({ role, reason: reasonOf(error) }, 'Redis connection failed');
    down = true;
  });
  client.on('ready', () => {
    if (down) logger.info({ role }, 'Redis connection is back');
    down = false;
  });
}

function reasonOf(error: Error): string {
  return 'code' in error && typeof error.code === 'string' ? error.code : error.message;
}

/** Ends a connection politely, but never waits for a Redis that does not answer. */
export async function disconnect(client: Redis): Promise<void> {
  if (client.status === 'ready') await settledWithin(client.quit(), 500);
  client.disconnect();
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}

/** Resolves when `work` has ended, well or not, or after `ms`, whichever comes first. */
export async function settledWithin(work: Promise<unknown>, ms: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const timedOut = new Promise((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  await Promise.race([work, timedOut]).catch(() => undefined);
  clearTimeout(timer);
}
