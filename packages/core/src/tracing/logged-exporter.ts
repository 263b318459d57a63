import type { SpanExporter } from '@opentelemetry/sdk-trace';
import type { Logger } from '../logging.ts';

/** A collector that is away for a day need not fill the log. */
const repeatWarningMs = 60_000;

/**
 * Tells of spans that could not be delivered, at most once a minute and without a word of what the collector or the network
 * said: that names hosts.
 */
export function loggedExporter(exporter: SpanExporter, logger: Pick<Logger, 'warn'>): SpanExporter {
  let warnedAt = Number.NEGATIVE_INFINITY;
  let lost = 0;
  const tellLoss = (error: Error): void => {
    if (performance.now() - warnedAt < repeatWarningMs) return;
    warnedAt = performance.now();
    logger.warn({ spans: lost, reason: reasonOf(error) }, 'Spans could not be sent to the collector');
    lost = 0;
  };
  return {
    export(spans, onResult) {
      exporter.export(spans, (result) => {
        if (result.error !== undefined) {
          lost += spans.length;
          tellLoss(result.error);
        }
        onResult(result);
      });
    },
    shutdown: () => exporter.shutdown(),
    forceFlush: () => exporter.forceFlush?.() ?? Promise.resolve(),
  };
}

/** An errno such as ECONNREFUSED, or the status of an answer. */
function reasonOf(error: Error): string {
  const code = 'code' in error ? error.code : undefined;
  if (typeof code === 'number') return `status ${code}`;
  return typeof code === 'string' ? code : 'no answer';
}
