import { createBlobStore } from '@glyphmill/core/blobs';
import { databaseUrlOf } from '@glyphmill/core/config';
import { createUrlPolicy, createWebhookPoster } from '@glyphmill/core/fetch';
import type { Logger } from '@glyphmill/core/logging';
import { createRegistry, type Registry } from '@glyphmill/core/metrics';
import { startOpsServer } from '@glyphmill/core/ops-server';
import { createJobAwaiter, createJobNotices, createJobQueue, createJobSender } from '@glyphmill/core/queue';
import { createJobStore, type JobStore } from '@glyphmill/core/store';
import { createStoreCallSeconds, measureStore, measureUploads } from '@glyphmill/core/store-metrics';
import { createTracer } from '@glyphmill/core/tracing';
import { createAdmission } from './admission.ts';
import { createApiMetrics } from './api-metrics.ts';
import type { ApiSettings } from './api-settings.ts';
import { createApp } from './app.ts';
import { credentialsOf } from '@glyphmill/http/basic-auth';
import { hostRule } from '@glyphmill/http/host-check';
import { startHttpServer } from '@glyphmill/http/http-server';
import type { RunningService } from '@glyphmill/http/run-service';
import { createBulkAdmission } from './jobs/bulk-admission.ts';
import { createJobWatch } from './jobs/job-watch.ts';
import { createLifecycle, readiness } from '@glyphmill/http/lifecycle';
import { createPendingWork } from '@glyphmill/http/pending-work';
import { deepChecks } from './deep-checks.ts';
import { createOutbox, type Outbox, type OutboxOptions } from './upkeep/outbox.ts';
import { startUpkeep, type Upkeep } from './upkeep/start-upkeep.ts';

/** Wires the service from its settings; up before Redis and the database are, and whatever becomes of them. */
export async function startApi(settings: ApiSettings, logger: Logger): Promise<RunningService> {
  const lifecycle = createLifecycle();
  const requests = createPendingWork();
  const cleanUps = createPendingWork();
  const registry = createRegistry('api');
  const tracer = await createTracer({ service: 'api', settings, logger });
  const parts = createParts(settings, { registry, logger });
  const { queue, awaiter, notices, store } = parts;
  const metrics = createApiMetrics({ registry, queue, awaiter, logger });
  const watch = createJobWatch({ store, notices });
  const credentials = credentialsOf(settings);
  const app = createApp({
    ...parts,
    watch,
    sender: createJobSender({
      queue,
      logger,
      cleanUps,
      onGivenUp: (jobs) => {
        metrics.sendsGivenUp.inc(jobs);
      },
    }),
    admission: createAdmission({ queue, maxWaitMs: settings.SYNC_TIMEOUT_MS }),
    bulkAdmission: createBulkAdmission({ store, queue, limit: settings.QUEUE_LIMIT }),
    metrics,
    tracer,
    logger,
    lifecycle,
    cleanUps,
    hosts: hostRule({ allowedHosts: settings.ALLOWED_HOSTS ?? [], bindAddress: settings.HOST }),
    ...(credentials && { credentials }),
    maxImageBytes: settings.MAX_IMAGE_BYTES,
    syncTimeoutMs: settings.SYNC_TIMEOUT_MS,
    mailboxTtlMs: settings.MAILBOX_TTL_MS,
    jobDeadlineMs: settings.JOB_DEADLINE_MS,
    callbacks:
      settings.WEBHOOK_SECRET === undefined
        ? 'off'
        : createUrlPolicy({ purpose: 'webhook', allowHosts: settings.FETCH_ALLOW_HOSTS }),
  });
  const ops = await startOpsServer({
    host: settings.HOST,
    port: settings.OPS_PORT,
    registry,
    readiness: () => Promise.resolve(readiness(lifecycle)),
    deepReadiness: () => deepChecks(parts),
  });
  const http = await startHttpServer({
    fetch: (request, env) => requests.track(Promise.resolve(app.fetch(request, env))),
    logger,
    host: settings.HOST,
    port: settings.PORT,
  });
  const upkeep = startUpkeepOf(settings, { ...parts, registry, logger });
  lifecycle.started();
  return {
    port: http.port,
    opsPort: ops.port,
    failed: failureOf(store),
    async stop() {
      lifecycle.drain();
      // First, so that another process leads while this one drains.
      const upkeepStopped = upkeep.stop();
      const { unfinished } = await http.drain(settings.DRAIN_GRACE_MS);
      if (unfinished) logger.warn('Requests were cut off: they outlasted DRAIN_GRACE_MS');
      // Ends the waits of those who were cut off; they still cancel their jobs, in seconds, with or without Redis.
      await awaiter.close();
      watch.close();
      await requests.settled();
      await cleanUps.settled();
      await upkeepStopped;
      await Promise.all([notices.close(), queue.close(), tracer.close()]);
      await store.close();
      await ops.close();
    },
  };
}

function createParts(
  settings: ApiSettings,
  { registry, logger }: { readonly registry: Registry; readonly logger: Logger },
) {
  const { REDIS_URL: redisUrl, MAILBOX_TTL_MS: mailboxTtlMs } = settings;
  const queue = createJobQueue({ redisUrl, logger, mailboxTtlMs });
  const store = createJobStore({ databaseUrl: databaseUrlOf(settings), migrate: settings.MIGRATE, logger });
  const calls = createStoreCallSeconds(registry);
  return {
    queue,
    awaiter: createJobAwaiter({ redisUrl, queue, logger }),
    notices: createJobNotices({ redisUrl, logger }),
    store: measureStore(store, calls),
    blobs: measureUploads(createBlobStore(settings), calls),
  };
}

function startUpkeepOf(
  settings: ApiSettings,
  parts: Pick<ReturnType<typeof createParts>, 'store' | 'queue' | 'blobs'> & {
    readonly registry: Registry;
    readonly logger: Logger;
  },
): Upkeep {
  const outbox = createOutboxOf(settings, parts);
  return startUpkeep({ ...parts, resultTtlMs: settings.RESULT_TTL_MS, ...(outbox && { outbox }) });
}

function createOutboxOf(
  settings: ApiSettings,
  parts: Pick<OutboxOptions, 'store' | 'registry' | 'logger'>,
): Outbox | undefined {
  const { WEBHOOK_SECRET: secret } = settings;
  if (secret === undefined) return undefined;
  const post = createWebhookPoster({
    timeoutMs: settings.FETCH_TIMEOUT_MS,
    allowCidrs: settings.FETCH_ALLOW_CIDRS,
    allowHosts: settings.FETCH_ALLOW_HOSTS,
  });
  return createOutbox({ ...parts, post, timeoutMs: settings.FETCH_TIMEOUT_MS, secret });
}

/** All that `ready` rejects with is a schema that this version must not touch. */
function failureOf(store: JobStore): Promise<Error> {
  return new Promise((resolve) => {
    store.ready.catch(resolve);
  });
}
