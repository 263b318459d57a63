import { OpenAPIHono } from '@hono/zod-openapi';
import type { Logger } from '@glyphmill/core/logging';
import type { BlobStore } from '@glyphmill/core/blobs';
import type { JobAwaiter, JobQueue, JobSender } from '@glyphmill/core/queue';
import type { JobStore } from '@glyphmill/core/store';
import { type Attributes, noTracer, type Tracer } from '@glyphmill/core/tracing';
import type { Admission } from './admission.ts';
import type { ApiMetrics } from './api-metrics.ts';
import type { AppContext, AppEnv } from './app-env.ts';
import { basicAuth, type Credentials } from '@glyphmill/http/basic-auth';
import { createErrorHandler, createNotFoundHandler } from './fail.ts';
import { hostCheck, type HostRule } from '@glyphmill/http/host-check';
import type { BulkAdmission } from './jobs/bulk-admission.ts';
import type { CallbackPolicy } from './jobs/callback-url.ts';
import { countRefusals } from './jobs/count-refusals.ts';
import type { JobWatch } from './jobs/job-watch.ts';
import { documentWebhook } from './jobs/webhook-docs.ts';
import type { Lifecycle } from '@glyphmill/http/lifecycle';
import { originCheck } from '@glyphmill/http/origin-check';
import type { PendingWork } from '@glyphmill/http/pending-work';
import { requestId } from '@glyphmill/http/request-id';
import { requestLog } from '@glyphmill/http/request-log';
import { requestTrace } from '@glyphmill/http/request-trace';
import { addAnalyzeRoute } from './routes/analyze-route.ts';
import { addCancelJobRoute } from './routes/cancel-job-route.ts';
import { addDocsRoute } from './routes/docs-route.ts';
import { addGetJobRoute } from './routes/get-job-route.ts';
import { addHealthRoutes } from './routes/health-routes.ts';
import { addJobEventsRoute } from './routes/job-events-route.ts';
import { addListJobsRoute } from './routes/list-jobs-route.ts';
import { addOpenApiRoute } from './routes/openapi-route.ts';
import { addPostJobsRoute } from './routes/post-jobs-route.ts';
import { addRetryJobRoute } from './routes/retry-job-route.ts';
import { securityHeaders } from '@glyphmill/http/security-headers';

export interface AppOptions {
  readonly queue: JobQueue;
  readonly awaiter: JobAwaiter;
  readonly store: JobStore;
  readonly blobs: BlobStore;
  readonly watch: JobWatch;
  readonly sender: JobSender;
  /** Of the interactive lane. */
  readonly admission: Admission;
  readonly bulkAdmission: BulkAdmission;
  readonly metrics: ApiMetrics;
  /** Off if not given. */
  readonly tracer?: Tracer;
  readonly logger: Logger;
  readonly lifecycle: Lifecycle;
  readonly cleanUps: PendingWork;
  readonly hosts: HostRule;
  /** Absent: the service is open. */
  readonly credentials?: Credentials;
  readonly maxImageBytes: number;
  readonly syncTimeoutMs: number;
  readonly mailboxTtlMs: number;
  /** For durable jobs that do not say when they are no longer wanted; absent: they wait for ever. */
  readonly jobDeadlineMs?: number | undefined;
  readonly callbacks: CallbackPolicy;
  /** Streams of events that are open at once. */
  readonly maxEventStreams?: number;
}

/** What probes ask for every few seconds stays open: it tells nothing and must work without secrets. */
const openPaths: ReadonlySet<string> = new Set(['/', '/livez', '/readyz']);

/** The whole HTTP side, without a socket: what is handed in is all that it knows. */
export function createApp({ tracer = noTracer, ...others }: AppOptions): OpenAPIHono<AppEnv> {
  const options = { ...others, tracer };
  const { credentials, logger } = options;
  const app = new OpenAPIHono<AppEnv>();
  app.onError(createErrorHandler(logger));
  app.notFound(createNotFoundHandler(app));
  // In the order of a request: whoever is refused still gets an id, safe headers and a line in the log.
  app.use(requestId());
  app.use(requestTrace({ tracer, quietRoutes: openPaths, moreAttributes }));
  app.use(requestLog({ logger, metrics: options.metrics, quietRoutes: openPaths, moreFields }));
  app.use(securityHeaders());
  app.use(hostCheck(options.hosts));
  app.use(originCheck());
  if (credentials !== undefined) app.use(basicAuth({ credentials, openPaths }));
  addHealthRoutes(app, options);
  addAnalyzeRoute(app, options);
  app.use('/jobs/*', countRefusals(options.metrics));
  addPostJobsRoute(app, options);
  addListJobsRoute(app, options);
  addGetJobRoute(app, options);
  addJobEventsRoute(app, options);
  addCancelJobRoute(app, options);
  addRetryJobRoute(app, options);
  documentWebhook(app);
  addDocsRoute(app);
  addOpenApiRoute(app, { authRequired: credentials !== undefined });
  return app;
}

/** The job of a request that made one, or was about one. */
function moreAttributes(c: AppContext): Attributes {
  return { 'glyphmill.job.id': c.get('jobId'), 'messaging.batch.message_count': c.get('batch')?.jobs };
}

/** What came of a request that took jobs. */
function moreFields(c: AppContext): Record<string, unknown> {
  const batch = c.get('batch');
  return { jobId: c.get('jobId'), ...(batch && { batchId: batch.id, jobs: batch.jobs }) };
}
