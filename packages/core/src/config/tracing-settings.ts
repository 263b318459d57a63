import { z } from 'zod';
import { settings } from './settings.ts';

/** For each service that makes spans; the names are OpenTelemetry's. */
export const tracingSettings = {
  OTEL_EXPORTER_OTLP_ENDPOINT: settings.otlpEndpoint,
  OTEL_EXPORTER_OTLP_HEADERS: settings.otlpHeaders,
  OTEL_SERVICE_NAME: settings.otelServiceName,
  OTEL_RESOURCE_ATTRIBUTES: settings.otelResourceAttributes,
  OTEL_TRACES_SAMPLER: settings.otelTracesSampler,
  OTEL_TRACES_SAMPLER_ARG: settings.otelTracesSamplerArg,
} as const;

const schema = z.object(tracingSettings);
export type TracingSettings = z.infer<typeof schema>;
