import type { TracingSettings } from '../config/tracing-settings.ts';
import type { Logger } from '../logging.ts';
import { noTracer } from './no-tracer.ts';
import type { Tracer } from './tracer.ts';

export interface TracerOptions {
  /** Of `service.name`, unless OTEL_SERVICE_NAME says otherwise. */
  readonly service: string;
  readonly settings: TracingSettings;
  readonly logger: Pick<Logger, 'warn' | 'info'>;
}

/** Nothing of OpenTelemetry's SDK is loaded, and nothing listens or sends, unless OTEL_EXPORTER_OTLP_ENDPOINT is set. */
export async function createTracer({ service, settings, logger }: TracerOptions): Promise<Tracer> {
  const { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint } = settings;
  if (endpoint === undefined) return noTracer;
  const { startOtlpTracer } = await import('./otlp-tracer.ts');
  return startOtlpTracer({ service, settings, endpoint, logger });
}
