import type { Logger } from '@glyphmill/core/logging';
import { createRegistry } from '@glyphmill/core/metrics';
import { startOpsServer } from '@glyphmill/core/ops-server';
import { createJobAwaiter, createJobQueue } from '@glyphmill/core/queue';
import { createAdmission } from './admission.ts';
import { createApiMetrics } from './api-metrics.ts';
import type { ApiSettings } from './api-settings.ts';
import { createApp } from './app.ts';
import type { Credentials } from './basic-auth.ts';
import { hostRule } from './host-check.ts';
import { startHttpServer } from './http-server.ts';
import { createLifecycle } from './lifecycle.ts';
import { createPendingWork } from './pending-work.ts';
import { deepChecks, readiness } from './readiness.ts';

export interface Api {
  readonly port: number;
  readonly opsPort: number;
  /** Takes no new requests, ends those in flight (or cuts them off after the grace), then closes everything. */
  stop(): Promise<void>;
}

/** Wires the service from its settings; up before Redis is, and whatever becomes of Redis. */
export async function startApi(settings: ApiSettings, logger: Logger): Promise<Api> {
  const { REDIS_URL: redisUrl, MAILBOX_TTL_MS: mailboxTtlMs, SYNC_TIMEOUT_MS: syncTimeoutMs } = settings;
  const lifecycle = createLifecycle();
  const requests = createPendingWork();
  const cleanUps = createPendingWork();
  const registry = createRegistry('api');
  const queue = createJobQueue({ redisUrl, logger, mailboxTtlMs });
  const awaiter = createJobAwaiter({ redisUrl, queue, logger });
  const metrics = createApiMetrics({ registry, queue, awaiter, logger });
  const credentials = credentialsOf(settings);
  const app = createApp({
    queue,
    awaiter,
    admission: createAdmission({ queue, maxWaitMs: syncTimeoutMs }),
    metrics,
    logger,
    lifecycle,
    cleanUps,
    hosts: hostRule({ allowedHosts: settings.ALLOWED_HOSTS ?? [], bindAddress: settings.HOST }),
    ...(credentials && { credentials }),
    maxImageBytes: settings.MAX_IMAGE_BYTES,
    syncTimeoutMs,
    mailboxTtlMs,
  });
  const ops = await startOpsServer({
    host: settings.HOST,
    port: settings.OPS_PORT,
    registry,
    readiness: () => Promise.resolve(readiness(lifecycle)),
    deepReadiness: () => deepChecks(queue),
  });
  const http = await startHttpServer({
    fetch: (request, env) => requests.track(Promise.resolve(app.fetch(request, env))),
    logger,
    host: settings.HOST,
    port: settings.PORT,
  });
  lifecycle.started();
  return {
    port: http.port,
    opsPort: ops.port,
    async stop() {
      lifecycle.drain();
      const { unfinished } = await http.drain(settings.DRAIN_GRACE_MS);
      if (unfinished) logger.warn('Requests were cut off: they outlasted DRAIN_GRACE_MS');
      // Ends the waits of those who were cut off; they still cancel their jobs, in seconds, with or without Redis.
      await awaiter.close();
      await requests.settled();
      await cleanUps.settled();
      await queue.close();
      await ops.close();
    },
  };
}

function credentialsOf(settings: ApiSettings): Credentials | undefined {
  const { BASIC_AUTH_USERNAME: username, BASIC_AUTH_PASSWORD: password } = settings;
  return username === undefined || password === undefined ? undefined : { username, password };
}
