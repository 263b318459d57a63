import { createBlobReader } from '@glyphmill/core/blobs';
import { databaseUrlOf } from '@glyphmill/core/config';
import { createInboxClient, inboxSocketOf } from '@glyphmill/core/inbox';
import type { Logger } from '@glyphmill/core/logging';
import { createRegistry } from '@glyphmill/core/metrics';
import { startOpsServer } from '@glyphmill/core/ops-server';
import { createQueueView } from '@glyphmill/core/queue-view';
import { createResultReader, type ResultReader } from '@glyphmill/core/results';
import { credentialsOf } from '@glyphmill/http/basic-auth';
import { hostRule } from '@glyphmill/http/host-check';
import { startHttpServer } from '@glyphmill/http/http-server';
import { createLifecycle, readiness } from '@glyphmill/http/lifecycle';
import { createPendingWork } from '@glyphmill/http/pending-work';
import type { RunningService } from '@glyphmill/http/run-service';
import { createApp } from './app.ts';
import { loadAssets } from './assets.ts';
import { createChangeWatch } from './change-watch.ts';
import { createInboxView } from './inbox-view.ts';
import { shownDigest } from './shown-digest.ts';
import { createWebMetrics } from './web-metrics.ts';
import type { WebSettings } from './web-settings.ts';

/** Wires the page from its settings; up before there is a database, and whatever becomes of it. */
export async function startWeb(settings: WebSettings, logger: Logger): Promise<RunningService> {
  const lifecycle = createLifecycle();
  const pending = createPendingWork();
  const registry = createRegistry('web');
  const { reader, queue, inbox, blobs } = createParts(settings, logger);
  const watch = createChangeWatch({ token: () => reader.changes(), digest: () => shownDigest(reader) });
  const credentials = credentialsOf(settings);
  const app = createApp({
    reader,
    blobs,
    watch,
    ...(queue && { queue }),
    inbox,
    dataFolder: settings.DATA_DIR,
    assets: loadAssets(),
    metrics: createWebMetrics(registry),
    logger,
    lifecycle,
    pending,
    hosts: hostRule({ allowedHosts: settings.ALLOWED_HOSTS ?? [], bindAddress: settings.HOST }),
    ...(credentials && { credentials }),
  });
  const ops = await startOpsServer({
    host: settings.HOST,
    port: settings.OPS_PORT,
    registry,
    readiness: () => Promise.resolve(readiness(lifecycle)),
    deepReadiness: async () => ({ store: await checkStore(reader) }),
  });
  const http = await startHttpServer({
    fetch: (request, env) => pending.track(Promise.resolve(app.fetch(request, env))),
    logger,
    host: settings.HOST,
    port: settings.WEB_PORT,
  });
  lifecycle.started();
  return {
    port: http.port,
    opsPort: ops.port,
    failed: failureOf(reader),
    async stop() {
      lifecycle.drain();
      const { unfinished } = await http.drain(settings.DRAIN_GRACE_MS);
      if (unfinished) logger.warn('Requests were cut off: they outlasted DRAIN_GRACE_MS');
      await pending.settled();
      watch.close();
      await Promise.all([reader.close(), queue?.close()]);
      await ops.close();
    },
  };
}

function createParts(settings: WebSettings, logger: Logger) {
  const { REDIS_URL: redisUrl } = settings;
  return {
    reader: createResultReader({ databaseUrl: databaseUrlOf(settings), logger }),
    queue: redisUrl === undefined ? undefined : createQueueView({ redisUrl, logger }),
    inbox: createInboxView(createInboxClient(inboxSocketOf(settings))),
    blobs: createBlobReader(settings),
  };
}

async function checkStore(reader: ResultReader): Promise<{ ok: boolean; detail?: string }> {
  try {
    await reader.changes();
    return { ok: true };
  } catch {
    return { ok: false, detail: 'The database cannot be read' };
  }
}

/** All that `ready` rejects with is a schema that this version does not know. */
function failureOf(reader: ResultReader): Promise<Error> {
  return new Promise((resolve) => {
    reader.ready.catch(resolve);
  });
}
