import { createLogger } from '@glyphmill/core/logging';
import { createRegistry } from '@glyphmill/core/metrics';
import { expect, test } from 'vitest';
import { createApiMetrics } from './api-metrics.ts';

test('own faults are told of before there were any, so that the first is seen', async () => {
  const registry = createRegistry('api');
  const metrics = createApiMetrics({
    registry,
    queue: { stats: () => Promise.reject(new Error('No queue')) },
    awaiter: { recoveries: 0 },
    logger: createLogger({ service: 'api', level: 'silent' }),
  });
  const values = async () => (await registry.getSingleMetric('glyphmill_http_requests_total')!.get()).values;
  const fresh = await values();
  expect(fresh.every(({ value }) => value === 0)).toBe(true);
  const told = fresh.map(
    ({ labels }) => `${labels['method']} ${labels['route']} ${labels['status']} ${labels['code']}`,
  );
  for (const route of ['/analyze', '/jobs']) {
    expect(told).toContain(`POST ${route} 500 internal`);
    expect(told).toContain(`POST ${route} 503 queue_unavailable`);
    expect(told).toContain(`POST ${route} 503 store_unavailable`);
  }
  expect(told).toContain('POST /analyze 504 deadline_exceeded');
  expect(told.filter((labels) => labels.includes('download_failed'))).toEqual([]);

  // The same series, and not another one beside it.
  metrics.requests.inc({ method: 'POST', route: '/analyze', status: 503, code: 'queue_unavailable' });
  expect(await values()).toHaveLength(fresh.length);
});
