import { Gauge, type Registry } from '@glyphmill/core/metrics';
import { createHttpMetrics, type HttpMetrics } from '@glyphmill/http/http-metrics';

export interface WebMetrics extends HttpMetrics {
  readonly eventStreams: Gauge;
}

export function createWebMetrics(registry: Registry): WebMetrics {
  return {
    ...createHttpMetrics(registry),
    eventStreams: new Gauge({
      name: 'glyphmill_event_streams',
      help: 'Event streams that are open',
      registers: [registry],
    }),
  };
}
