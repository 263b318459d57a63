import { setTimeout as delay } from 'node:timers/promises';
import { startPostgres } from '../src/postgres.ts';
import { startRedis } from '../src/redis.ts';

/** Starts one server of each kind, says in which folders, and never stops them. */
const redis = await startRedis();
const postgres = await startPostgres();
console.log(JSON.stringify([redis.folder, postgres.folder].filter((folder) => folder !== undefined)));
if (process.argv[2] === 'paused') {
  redis.pause();
  if (postgres.isOurs) await postgres.pause();
}
if (process.argv[2] === 'ended') process.exit(0);
await delay(600_000);
