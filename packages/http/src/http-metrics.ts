import { Counter, Histogram, type Registry } from '@glyphmill/core/metrics';

export interface HttpMetrics {
  readonly requests: Counter<'method' | 'route' | 'status' | 'code'>;
  readonly requestSeconds: Histogram<'method' | 'route'>;
}

export function createHttpMetrics(registry: Registry): HttpMetrics {
  const registers = [registry];
  return {
    requests: new Counter({
      name: 'glyphmill_http_requests_total',
      help: 'HTTP requests answered; code is the error code of the problem that was the answer, empty where it was none',
      labelNames: ['method', 'route', 'status', 'code'],
      registers,
    }),
    requestSeconds: new Histogram({
      name: 'glyphmill_http_request_seconds',
      help: 'Time from a request to its answer; the rest of a streamed body is not part of it',
      labelNames: ['method', 'route'],
      buckets: [0.005, 0.025, 0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30, 60],
      registers,
    }),
  };
}
