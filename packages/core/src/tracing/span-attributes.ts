/**
 * All that spans may say; whatever is not listed cannot be said by mistake. No URL, host, file name, credential or text is
 * among them. Names without `glyphmill.` are OpenTelemetry's semantic conventions.
 */
export interface Attributes {
  /** One of HTTP's methods, or `_OTHER`. */
  readonly 'http.request.method'?: string;
  /** The pattern of the route, never the path. */
  readonly 'http.route'?: string;
  readonly 'http.response.status_code'?: number;
  readonly 'messaging.system'?: 'bullmq';
  readonly 'messaging.operation.type'?: 'send' | 'process';
  readonly 'messaging.operation.name'?: 'add' | 'process';
  /** The lane. */
  readonly 'messaging.destination.name'?: string;
  /** The id of the job, where it is one job. */
  readonly 'messaging.message.id'?: string | undefined;
  /** How many jobs were sent together, where they were several. */
  readonly 'messaging.batch.message_count'?: number | undefined;
  readonly 'error.type'?: string;
  readonly 'glyphmill.request.id'?: string | undefined;
  readonly 'glyphmill.job.id'?: string | undefined;
  readonly 'glyphmill.job.kind'?: string;
  /** 0 when the job is sent for the first time, one more with each further attempt. */
  readonly 'glyphmill.job.generation'?: number;
  readonly 'glyphmill.source.kind'?: string;
  /** `succeeded`, `discarded` or the code of an error. */
  readonly 'glyphmill.outcome'?: string;
  readonly 'glyphmill.image.bytes'?: number;
  readonly 'glyphmill.image.pixels'?: number;
  readonly 'glyphmill.page.lines'?: number;
}
