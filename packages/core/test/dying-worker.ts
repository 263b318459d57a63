import { createLogger } from '../src/logging.ts';
import { createLaneConsumer } from '../src/queue/queue.ts';

/** A worker process for tests to kill: it takes a job, says so, and never ends it. */
const [redisUrl = '', announces = 'announces'] = process.argv.slice(2);
createLaneConsumer({
  redisUrl,
  logger: createLogger({ service: 'dying-worker', level: 'silent' }),
  slots: 1,
  mailboxTtlMs: 60_000,
  report: () => ({ engines: 1, busy: 1, meanPageMs: 0 }),
  handle: async (job) => {
    if (announces === 'announces') await job.started();
    process.send?.(job.payload.id);
    return new Promise(() => undefined);
  },
}).run();
