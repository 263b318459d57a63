import type { Logger } from '@glyphmill/core/logging';
import { Registry } from '@glyphmill/core/metrics';
import { z } from 'zod';
import { createAdmission } from '../src/admission.ts';
import { createApiMetrics } from '../src/api-metrics.ts';
import { type AppOptions, createApp } from '../src/app.ts';
import { createLifecycle } from '../src/lifecycle.ts';
import { openApiDocument } from '../src/openapi-document.ts';
import { createPendingWork } from '../src/pending-work.ts';
import { createFakeQueue } from './fake-queue.ts';

export interface LogLine {
  readonly level: string;
  readonly fields: Readonly<Record<string, unknown>>;
  readonly message: string;
}

/** Keeps what is logged instead of writing it. */
export function createLogRecorder(): { logger: Logger; lines: LogLine[] } {
  const lines: LogLine[] = [];
  const at = (level: string) => (fields: Record<string, unknown> | string, message?: string) => {
    lines.push(
      typeof fields === 'string' ? { level, fields: {}, message: fields } : { level, fields, message: message ?? '' },
    );
  };
  const levels = { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
  return { logger: levels as unknown as Logger, lines };
}

export type TestApp = ReturnType<typeof createTestApp>;

/** The app over fakes. `request` fails on an answer that the OpenAPI document does not know. */
export function createTestApp(overrides: Partial<AppOptions> = {}) {
  const queue = createFakeQueue();
  const registry = new Registry();
  const { logger, lines } = createLogRecorder();
  const lifecycle = createLifecycle();
  lifecycle.started();
  const syncTimeoutMs = overrides.syncTimeoutMs ?? 5_000;
  const app = createApp({
    queue,
    awaiter: queue.awaiter,
    admission: createAdmission({ queue, maxWaitMs: syncTimeoutMs }),
    metrics: createApiMetrics({ registry, queue, awaiter: queue.awaiter, logger }),
    logger,
    lifecycle,
    cleanUps: createPendingWork(),
    hosts: 'any',
    maxImageBytes: 1_000,
    syncTimeoutMs,
    mailboxTtlMs: 60_000,
    ...overrides,
  });
  const document = openApiDocument(app, { authRequired: overrides.credentials !== undefined });

  const request = async (path: string, init: RequestInit = {}): Promise<Response> => {
    const response = await app.request(path, init);
    const method = (init.method ?? 'GET').toLowerCase().replace('head', 'get');
    const pathname = path.split('?')[0] ?? '';
    const pattern = pathname.startsWith('/jobs/') ? '/jobs/{id}' : pathname;
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

  return { app, queue, registry, lines, lifecycle, document, request, analyze };
}

export const problemShape = z.strictObject({
  type: z.string().startsWith('urn:glyphmill:problem:'),
  title: z.string().min(1),
  status: z.int(),
  detail: z.string().min(1),
  code: z.string(),
  instance: z.string().startsWith('urn:request:'),
  requestId: z.string(),
  errors: z.array(z.strictObject({ pointer: z.string(), detail: z.string() })).optional(),
});

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
