import type { JobSource } from '../store/job-store.ts';
import type { ImageSource, JobPayload } from './payload.ts';

/** What the queue must know of a durable job. Its deadline is not part of it: the row has that. */
export function toDurablePayload(
  job: {
    readonly id: string;
    readonly generation: number;
    readonly source: JobSource;
    readonly requestId?: string | undefined;
    readonly traceparent?: string | undefined;
  },
  enqueuedAt: number,
): JobPayload {
  const { id, generation, source, requestId, traceparent } = job;
  return {
    version: 1,
    id,
    generation,
    kind: 'durable',
    source: toImageSource(source),
    enqueuedAt,
    ...(requestId !== undefined && { requestId }),
    ...(traceparent !== undefined && { traceparent }),
  };
}

/** Without the name that the upload's sender gave it, which is nobody's business in the queue. */
export function toImageSource(source: JobSource): ImageSource {
  return source.kind === 'url' ? { kind: 'url', url: source.url } : { kind: 'blob', sha256: source.sha256 };
}
