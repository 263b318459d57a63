import { createUrlPolicy } from '@glyphmill/core/fetch';
import { Registry } from '@glyphmill/core/metrics';
import { createLogRecorder } from '@glyphmill/http/test/log-recorder';
import { problemShape } from '@glyphmill/http/test/problem-shape';
import type { z } from 'zod';
import { createAdmission } from '../src/admission.ts';
import { createApiMetrics } from '../src/api-metrics.ts';
import { type AppOptions, createApp } from '../src/app.ts';
import { createLifecycle } from '@glyphmill/http/lifecycle';
import { openApiDocument } from '../src/openapi-document.ts';
import { createPendingWork } from '@glyphmill/http/pending-work';
import { createBulkAdmission } from '../src/jobs/bulk-admission.ts';
import { createJobSender } from '@glyphmill/core/queue';
import { createJobWatch } from '../src/jobs/job-watch.ts';
import { createFakeQueue } from './fake-queue.ts';
import { noBlobs, noStore } from './no-store.ts';

export type TestApp = ReturnType<typeof createTestApp>;

/** The app over fakes. `request` fails on an answer that the OpenAPI document does not know. */
export function createTestApp(overrides: Partial<AppOptions> = {}) {
  const queue = createFakeQueue();
  const registry = new Registry();
  const { logger, lines } = createLogRecorder();
  const lifecycle = createLifecycle();
  lifecycle.started();
  const { store = noStore, blobs = noBlobs } = overrides;
  const cleanUps = createPendingWork();
  const metrics = createApiMetrics({ registry, queue, awaiter: queue.awaiter, logger });
  const notices = { listen: () => Promise.resolve({ close: () => undefined }) };
  const syncTimeoutMs = overrides.syncTimeoutMs ?? 5_000;
  const app = createApp({
    queue,
    awaiter: queue.awaiter,
    admission: createAdmission({ queue, maxWaitMs: syncTimeoutMs }),
    bulkAdmission: createBulkAdmission({ store, queue, limit: 100_000 }),
    store,
    blobs,
    watch: createJobWatch({ store, notices, pollIntervalMs: 20 }),
    sender: createJobSender({ queue, logger, cleanUps, onGivenUp: () => undefined }),
    metrics,
    logger,
    lifecycle,
    cleanUps,
    hosts: 'any',
    maxImageBytes: 1_000,
    syncTimeoutMs,
    mailboxTtlMs: 60_000,
    callbacks: createUrlPolicy({ purpose: 'webhook' }),
    ...overrides,
  });
  const document = openApiDocument(app, { authRequired: overrides.credentials !== undefined });

  const request = async (path: string, init: RequestInit = {}): Promise<Response> => {
    const response = await app.request(path, init);
    const method = (init.method ?? 'GET').toLowerCase().replace('head', 'get');
    const pathname = path.split('?')[0] ?? '';
    const pattern = pathname.replace(/^\/jobs\/[^/]+/, '/jobs/{id}');
    const operation = (document.paths?.[pattern] as Record<string, { responses: object }> | undefined)?.[method];
    const isGone = response.status === 499;
    if (operation !== undefined && !isGone && !Object.hasOwn(operation.responses, String(response.status))) {
      throw new Error(`${method} ${pattern} answered ${response.status}, which is not documented`);
    }
    return response;
  };

  const analyze = (imageUrl: unknown, headers: Record<string, string> = {}) =>
    request('/analyze', {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify({ image_url: imageUrl }),
    });

  return { app, queue, registry, lines, lifecycle, cleanUps, document, request, analyze };
}

/** The problem in an answer; throws where it is not one, or where its parts do not agree with each other. */
export async function problemOf(response: Response): Promise<z.infer<typeof problemShape>> {
  const problem = problemShape.parse(await response.json());
  const expected = {
    'content-type': 'application/problem+json',
    'x-request-id': problem.requestId,
    'cache-control': 'no-store',
  };
  for (const [name, value] of Object.entries(expected)) {
    if (response.headers.get(name) !== value) throw new Error(`${name} is ${response.headers.get(name) ?? 'missing'}`);
  }
  if (problem.status !== response.status) throw new Error(`status ${problem.status} in a ${response.status}`);
  if (problem.type !== `urn:glyphmill:problem:${problem.code}`) throw new Error('type and code differ');
  return problem;
}
