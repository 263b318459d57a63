import type { Lane } from '../queue/payload.ts';
import type { Span, Tracer } from './tracer.ts';

export interface SendSpanOptions {
  readonly lane: Lane;
  /** Of the jobs, at least one; a batch is one span. */
  readonly jobIds: readonly string[];
  readonly parent: string | undefined;
}

/** The sending of jobs to the queue. Its `traceparent` goes into their payloads: what workers do follows from it. */
export function startSendSpan(tracer: Tracer, { lane, jobIds, parent }: SendSpanOptions): Span {
  const isBatch = jobIds.length > 1;
  return tracer.start(`send ${lane}`, {
    kind: 'producer',
    parent,
    attributes: {
      'messaging.system': 'bullmq',
      'messaging.operation.type': 'send',
      'messaging.operation.name': 'add',
      'messaging.destination.name': lane,
      ...(isBatch ? { 'messaging.batch.message_count': jobIds.length } : { 'messaging.message.id': jobIds[0] }),
    },
  });
}
