import { Registry } from '@glyphmill/core/metrics';
import { OcrError } from '@glyphmill/core/errors';
import { Hono } from 'hono';
import { expect, test } from 'vitest';
import { createLogRecorder } from '../test/log-recorder.ts';
import type { HttpEnv } from './http-env.ts';
import { createHttpMetrics } from './http-metrics.ts';
import { requestLog } from './request-log.ts';

function openApp() {
  const registry = new Registry();
  const { logger, lines } = createLogRecorder();
  const app = new Hono<HttpEnv>();
  app.onError((error, c) => {
    c.set('errorCode', OcrError.from(error).code);
    return c.text('', 503);
  });
  app.use(requestLog({ logger, metrics: createHttpMetrics(registry), quietRoutes: new Set(['/']) }));
  return { app, lines, counts: () => registry.getSingleMetricAsString('glyphmill_http_requests_total') };
}

test('a route is told without what its parameters must look like', async () => {
  const { app, counts, lines } = openApp();
  app.get('/results/:id{[0-9a-f]{8}-[0-9a-f]{4}}', (c) => c.text(''));
  app.get('/results/:file{[0-9a-f]+\\.csv}/:kind', (c) => c.text(''));
  await app.request('/results/01234567-89ab');
  await app.request('/results/0a.csv/preview');
  expect(await counts()).toContain('route="/results/:id",status="200",code=""} 1');
  expect(await counts()).toContain('route="/results/:file/:kind",status="200",code=""} 1');
  expect(lines.map(({ fields }) => fields['route'])).toEqual(['/results/:id', '/results/:file/:kind']);
});

test('an error is counted by its code', async () => {
  const { app, counts } = openApp();
  app.get('/', () => {
    throw new OcrError('queue_unavailable', 'away');
  });
  await app.request('/');
  expect(await counts()).toContain('{method="GET",route="/",status="503",code="queue_unavailable"} 1');
});
