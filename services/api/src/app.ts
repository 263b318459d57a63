import { OpenAPIHono } from '@hono/zod-openapi';
import type { Logger } from '@glyphmill/core/logging';
import type { JobAwaiter, JobQueue } from '@glyphmill/core/queue';
import type { Admission } from './admission.ts';
import type { ApiMetrics } from './api-metrics.ts';
import type { AppEnv } from './app-env.ts';
import { basicAuth, type Credentials } from './basic-auth.ts';
import { createErrorHandler, createNotFoundHandler } from './fail.ts';
import { hostCheck, type HostRule } from './host-check.ts';
import type { Lifecycle } from './lifecycle.ts';
import { originCheck } from './origin-check.ts';
import type { PendingWork } from './pending-work.ts';
import { requestId } from './request-id.ts';
import { requestLog } from './request-log.ts';
import { addAnalyzeRoute } from './routes/analyze-route.ts';
import { addDocsRoute } from './routes/docs-route.ts';
import { addGetJobRoute } from './routes/get-job-route.ts';
import { addHealthRoutes } from './routes/health-routes.ts';
import { addOpenApiRoute } from './routes/openapi-route.ts';
import { securityHeaders } from './security-headers.ts';

export interface AppOptions {
  readonly queue: JobQueue;
  readonly awaiter: JobAwaiter;
  readonly admission: Admission;
  readonly metrics: ApiMetrics;
  readonly logger: Logger;
  readonly lifecycle: Lifecycle;
  readonly cleanUps: PendingWork;
  readonly hosts: HostRule;
  /** Absent: the service is open. */
  readonly credentials?: Credentials;
  readonly maxImageBytes: number;
  readonly syncTimeoutMs: number;
  readonly mailboxTtlMs: number;
}

/** The whole HTTP side, without a socket: what is handed in is all that it knows. */
export function createApp(options: AppOptions): OpenAPIHono<AppEnv> {
  const { credentials, logger } = options;
  const app = new OpenAPIHono<AppEnv>();
  app.onError(createErrorHandler(logger));
  app.notFound(createNotFoundHandler(app));
  // In the order of a request: whoever is refused still gets an id, safe headers and a line in the log.
  app.use(requestId());
  app.use(requestLog(options));
  app.use(securityHeaders());
  app.use(hostCheck(options.hosts));
  app.use(originCheck());
  if (credentials !== undefined) app.use(basicAuth(credentials));
  addHealthRoutes(app, options);
  addAnalyzeRoute(app, options);
  addGetJobRoute(app, options);
  addDocsRoute(app);
  addOpenApiRoute(app, { authRequired: credentials !== undefined });
  return app;
}
