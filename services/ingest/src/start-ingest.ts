import { mkdir } from 'node:fs/promises';
import { type BlobStore, createBlobStore } from '@glyphmill/core/blobs';
import { databaseUrlOf } from '@glyphmill/core/config';
import { inboxSocketOf } from '@glyphmill/core/inbox';
import { Leader } from '@glyphmill/core/leader';
import type { Logger } from '@glyphmill/core/logging';
import { createRegistry, type Registry } from '@glyphmill/core/metrics';
import { startOpsServer } from '@glyphmill/core/ops-server';
import { createJobQueue, createJobSender, type JobQueue } from '@glyphmill/core/queue';
import { createJobStore, type JobStore } from '@glyphmill/core/store';
import { createStoreCallSeconds, measureStore, measureUploads } from '@glyphmill/core/store-metrics';
import { createTracer, type Tracer } from '@glyphmill/core/tracing';
import { createLifecycle, readiness } from '@glyphmill/http/lifecycle';
import { createPendingWork } from '@glyphmill/http/pending-work';
import type { RunningService } from '@glyphmill/http/run-service';
import { startControlServer, type Steering } from './control/control-server.ts';
import { deepChecks } from './deep-checks.ts';
import { readGauges } from './ingest-gauges.ts';
import { createIngestMetrics } from './ingest-metrics.ts';
import { type IngestSettings, inboxOf } from './ingest-settings.ts';
import { InboxScanner } from './inbox-scanner.ts';
import { FileMover } from './move/file-mover.ts';
import { endFolders } from './move/move-file.ts';
import { createStatusSource, type StatusSource } from './status-source.ts';
import { succeedHolder } from './succeed-holder.ts';
import { FileTaker } from './take/file-taker.ts';
import { JobRoom } from './take/job-room.ts';
import { WaitingFiles } from './take/waiting-files.ts';

const leaseName = 'ingest';
/** Two at once would only cost work: each step is checked by store and file system. */
const leaderTiming = { leaseMs: 5_000, renewEveryMs: 1_000, challengeEveryMs: 500 };
/** Some megabytes of names and stamps; whatever does not fit is found again by the next scan. */
const maxWaitingFiles = 5_000;
/** So many batches may be unfinished: no worker waits for us between two looks at what has ended. */
const batchesUnderWay = 50;
const maxOwnJobs = 1_000;

/** Wires the service from its settings; up before Redis, the database and the inbox are, and whatever becomes of them. */
export async function startIngest(settings: IngestSettings, logger: Logger): Promise<RunningService> {
  const lifecycle = createLifecycle();
  const registry = createRegistry('ingest');
  const inbox = inboxOf(settings);
  if (settings.INBOX_DIR === undefined) await makeInbox(inbox, logger);
  const tracer = await createTracer({ service: 'ingest', settings, logger });
  const parts = createParts(settings, { registry, logger });
  const { store, queue } = parts;
  // First of all: whoever has the socket has the data folder to itself.
  const steering = Promise.withResolvers<Steering>();
  const control = await startControlServer({ socketPath: inboxSocketOf(settings), steering: steering.promise });
  const holder = await succeedHolder({ store, leaseName, dataDir: settings.DATA_DIR });
  const work = createWork(settings, { ...parts, inbox, holder, registry, tracer, logger });
  const { leader, scanner, taker, mover, sending } = work;
  steering.resolve(createSteering({ ...work, logger }));
  const ops = await startOpsServer({
    host: settings.HOST,
    port: settings.OPS_PORT,
    registry,
    readiness: () => Promise.resolve(readiness(lifecycle)),
    deepReadiness: () => deepChecks({ ...parts, leader, scanner }),
  });
  lifecycle.started();
  return {
    opsPort: ops.port,
    failed: new Promise((resolve) => {
      store.ready.catch(resolve);
    }),
    async stop() {
      lifecycle.drain();
      await control.close();
      await Promise.all([leader.stop(), scanner.stop(), taker.stop(), mover?.stop()]);
      await sending.settled();
      await Promise.all([queue.close(), tracer.close()]);
      await store.close();
      await ops.close();
    },
  };
}

interface Parts {
  readonly store: JobStore;
  readonly queue: JobQueue;
  readonly blobs: BlobStore;
}

function createParts(
  settings: IngestSettings,
  { registry, logger }: { readonly registry: Registry; readonly logger: Logger },
): Parts {
  const { REDIS_URL: redisUrl } = settings;
  const store = createJobStore({ databaseUrl: databaseUrlOf(settings), migrate: settings.MIGRATE, logger });
  const calls = createStoreCallSeconds(registry);
  return {
    store: measureStore(store, calls),
    // Nobody here has a mailbox: the jobs of files are durable.
    queue: createJobQueue({ redisUrl, logger, mailboxTtlMs: 1 }),
    blobs: measureUploads(createBlobStore(settings), calls),
  };
}

type WorkOptions = Parts & {
  readonly inbox: string;
  /** Of the lease. */
  readonly holder: string;
  readonly registry: Registry;
  readonly tracer: Tracer;
  readonly logger: Logger;
};

function createWork(settings: IngestSettings, options: WorkOptions) {
  const { store, queue, inbox, registry, logger } = options;
  const { INGEST_BATCH_SIZE: batchSize, INGEST_AFTER: after } = settings;
  const sending = createPendingWork();
  const waiting = new WaitingFiles({ settleMs: settings.INGEST_SETTLE_MS, capacity: maxWaitingFiles });
  const room = new JobRoom({
    store,
    queueLimit: settings.QUEUE_LIMIT,
    ownLimit: Math.min(batchSize * batchesUnderWay, maxOwnJobs),
  });
  const metrics = createIngestMetrics({
    registry,
    gauges: () => readGauges({ waiting, room, scanner, taker, leader }),
  });
  const leader = createLeader(options);
  const shared = { ...options, waiting, leader, metrics };
  const mover = after === 'move' ? new FileMover(shared) : undefined;
  const scanner = new InboxScanner({
    ...shared,
    left: new Set(mover ? Object.values(endFolders) : []),
    rescanMs: settings.INGEST_RESCAN_MS,
    onKnown: (path, jobId) => mover?.note(path, jobId),
  });
  const taker = new FileTaker({
    ...shared,
    batchSize,
    after,
    room,
    sender: createJobSender({
      queue,
      logger: tellNowAndThen(logger),
      cleanUps: sending,
      onGivenUp: (jobs) => {
        metrics.sendsGivenUp.inc(jobs);
      },
    }),
    maxBytes: settings.MAX_IMAGE_BYTES,
    jobDeadlineMs: settings.JOB_DEADLINE_MS,
    onJob: (path, jobId) => mover?.note(path, jobId),
  });
  return {
    leader,
    scanner,
    taker,
    mover,
    sending,
    source: createStatusSource({ inbox, after, store, leader, scanner, taker, waiting }),
  };
}

function createLeader({ store, holder, logger }: WorkOptions): Leader {
  return new Leader({ name: leaseName, duty: 'the taking of files', store, holder, timing: leaderTiming, logger });
}

function createSteering({
  source,
  scanner,
  taker,
  logger,
}: {
  readonly source: StatusSource;
  readonly scanner: InboxScanner;
  readonly taker: FileTaker;
  readonly logger: Logger;
}): Steering {
  return {
    status: () => source.status(),
    scan() {
      logger.info('A scan was asked for');
      scanner.ask();
    },
    pause() {
      logger.info('Paused');
      taker.pause();
    },
    resume() {
      logger.info('Resumed');
      taker.resume();
    },
  };
}

const sameWarningEveryMs = 10_000;

/** While Redis is away each batch would tell the same. */
function tellNowAndThen(logger: Logger): Pick<Logger, 'warn'> {
  let toldAt = Number.NEGATIVE_INFINITY;
  return {
    warn: ((fields: object, message: string) => {
      if (performance.now() - toldAt < sameWarningEveryMs) return;
      toldAt = performance.now();
      logger.warn(fields, message);
    }) as Logger['warn'],
  };
}

/** The default one only: a folder that the operator named and that is not there is most likely not mounted yet. */
async function makeInbox(inbox: string, logger: Logger): Promise<void> {
  await mkdir(inbox, { recursive: true }).catch((error: NodeJS.ErrnoException) => {
    logger.warn({ reason: error.code }, 'The inbox could not be made');
  });
}
