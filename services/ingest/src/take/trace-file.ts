import { type Span, startSendSpan, type Tracer } from '@glyphmill/core/tracing';

export interface TracedFile {
  readonly jobId: string;
  readonly bytes: number;
  /** When its batch was begun; milliseconds since the epoch. */
  readonly startedAt: number;
}

/**
 * Begins a trace with a file that has become a job: a span for its taking, which ends here, and one for the sending of its
 * job, which the caller ends.
 */
export function traceFile(tracer: Tracer, { jobId, bytes, startedAt }: TracedFile): Span {
  const taking = tracer.start('take file', {
    startedAt,
    attributes: { 'glyphmill.job.id': jobId, 'glyphmill.image.bytes': bytes },
  });
  taking.end();
  return startSendSpan(tracer, { lane: 'bulk', jobIds: [jobId], parent: taking.traceparent });
}
