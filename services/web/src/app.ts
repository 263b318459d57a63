import type { BlobReader } from '@glyphmill/core/blobs';
import type { Logger } from '@glyphmill/core/logging';
import type { QueueView } from '@glyphmill/core/queue-view';
import type { ResultReader } from '@glyphmill/core/results';
import { basicAuth, type Credentials } from '@glyphmill/http/basic-auth';
import { hostCheck, type HostRule } from '@glyphmill/http/host-check';
import type { Lifecycle } from '@glyphmill/http/lifecycle';
import { originCheck } from '@glyphmill/http/origin-check';
import type { PendingWork } from '@glyphmill/http/pending-work';
import { requestId } from '@glyphmill/http/request-id';
import { requestLog } from '@glyphmill/http/request-log';
import { securityHeaders } from '@glyphmill/http/security-headers';
import { Hono } from 'hono';
import type { Assets } from './assets.ts';
import type { ChangeWatch } from './change-watch.ts';
import { pagePolicy } from './content-policies.ts';
import { createErrorHandler, createNotFoundHandler } from './fail.ts';
import type { InboxView } from './inbox-view.ts';
import { readCheck } from './read-check.ts';
import { addAssetsRoute } from './routes/assets-route.ts';
import { addDownloadsRoute } from './routes/downloads-route.ts';
import { addEventsRoute } from './routes/events-route.ts';
import { addFailuresRoute } from './routes/failures-route.ts';
import { addPicturesRoute } from './routes/pictures-route.ts';
import { addResultRoute } from './routes/result-route.ts';
import { addResultsRoute } from './routes/results-route.ts';
import { addScanRoute } from './routes/scan-route.ts';
import { addStatusRoute } from './routes/status-route.ts';
import type { WebEnv } from './web-env.ts';
import type { WebMetrics } from './web-metrics.ts';

export interface AppOptions {
  readonly reader: ResultReader;
  readonly blobs: Pick<BlobReader, 'read'>;
  readonly watch: ChangeWatch;
  /** Absent where no Redis is set. */
  readonly queue?: QueueView;
  readonly inbox: InboxView;
  /** Whose disk the status page tells of. */
  readonly dataFolder: string;
  readonly assets: Assets;
  readonly metrics: WebMetrics;
  readonly logger: Logger;
  readonly lifecycle: Pick<Lifecycle, 'draining'>;
  readonly pending: PendingWork;
  readonly hosts: HostRule;
  /** Absent: the page is open. */
  readonly credentials?: Credentials;
  readonly maxEventStreams?: number;
}

/** What a page asks for by itself, and tells nothing when all is well. */
const quietRoutes: ReadonlySet<string> = new Set(['/events']);

/** The whole HTTP side, without a socket: what is handed in is all that it knows. */
export function createApp(options: AppOptions): Hono<WebEnv> {
  const { assets, blobs, credentials, logger, metrics, reader } = options;
  const app = new Hono<WebEnv>();
  app.onError(createErrorHandler({ assets, logger }));
  app.notFound(createNotFoundHandler(app, assets));
  // In the order of a request: whoever is refused still gets an id, safe headers and a line in the log.
  app.use(requestId());
  app.use(requestLog({ logger, metrics, quietRoutes }));
  app.use(securityHeaders({ contentSecurityPolicy: pagePolicy }));
  app.use(hostCheck(options.hosts));
  app.use(originCheck());
  app.use(readCheck());
  if (credentials !== undefined) app.use(basicAuth({ credentials }));
  addResultsRoute(app, options);
  addResultRoute(app, options);
  addDownloadsRoute(app, reader);
  addPicturesRoute(app, { reader, blobs });
  addFailuresRoute(app, options);
  addStatusRoute(app, options);
  addScanRoute(app, options);
  addEventsRoute(app, options);
  addAssetsRoute(app, assets);
  return app;
}
