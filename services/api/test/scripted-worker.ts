import { createLogger } from '@glyphmill/core/logging';
import { createJobQueue, createLaneConsumer, type Outcome } from '@glyphmill/core/queue';
import { createJobStore, type JobStore } from '@glyphmill/core/store';
import { sampleResult } from './fake-queue.ts';

/** A worker of durable jobs without engines: it succeeds at once, but holds jobs whose URL says `hold`, until released. */
export interface ScriptedWorker {
  readonly store: JobStore;
  /** Ids of the jobs that were stopped while they were held. */
  readonly stopped: string[];
  /** Ends the jobs that are held, and holds no more. */
  release(): void;
  close(): Promise<void>;
}

export interface ScriptedWorkerOptions {
  readonly redisUrl: string;
  readonly databaseUrl: string;
}

const done: Outcome = { ok: true, result: sampleResult };

export async function startScriptedWorker({ redisUrl, databaseUrl }: ScriptedWorkerOptions): Promise<ScriptedWorker> {
  const logger = createLogger({ service: 'scripted', level: 'silent' });
  const store = createJobStore({ databaseUrl, migrate: 'auto', logger });
  const queue = createJobQueue({ redisUrl, logger, mailboxTtlMs: 60_000 });
  const stopped: string[] = [];
  const released = Promise.withResolvers<void>();
  await store.ready;
  const consumer = createLaneConsumer({
    redisUrl,
    logger,
    slots: 8,
    mailboxTtlMs: 60_000,
    report: () => ({ engines: 8, busy: 0, meanPageMs: 10 }),
    async handle({ payload: { id, generation, source }, signal }) {
      const claimed = await store.claim({ id, generation, workerId: 'scripted', leaseMs: 20_000 });
      if (claimed.kind !== 'claimed') return done;
      await queue.announce(id, 'active');
      if (source.kind === 'url' && source.url.includes('hold')) {
        const aborted = new Promise<void>((resolve) => {
          signal.addEventListener('abort', () => {
            resolve();
          });
        });
        await Promise.race([released.promise, aborted]);
        if (signal.aborted) stopped.push(id);
      }
      const page = { result: sampleResult, sha256: 'a'.repeat(64), engineVersion: '1.2.3' };
      if (await store.finishSucceeded(claimed.claim, page)) await queue.announce(id, 'succeeded');
      return done;
    },
  });
  consumer.run();
  return {
    store,
    stopped,
    release() {
      released.resolve();
    },
    async close() {
      released.resolve();
      await consumer.drain(0);
      await consumer.close();
      await queue.close();
      await store.close();
    },
  };
}
