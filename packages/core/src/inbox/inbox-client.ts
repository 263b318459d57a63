import { request } from 'node:http';
import { inboxRoutes, type InboxStatus, inboxStatusSchema } from './inbox-contract.ts';

/** Why the ingest service could not be asked: nobody listens, no answer came in time, or one that is none of its own. */
export type InboxErrorCode = 'inbox_unreachable' | 'inbox_forbidden' | 'unexpected_answer';

export class InboxError extends Error {
  override readonly name = 'InboxError';
  readonly code: InboxErrorCode;

  constructor(code: InboxErrorCode, message: string, options: { readonly cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
  }
}

/** Each call throws InboxError; each answers with the status after it. */
export interface InboxClient {
  status(): Promise<InboxStatus>;
  scan(): Promise<InboxStatus>;
  pause(): Promise<InboxStatus>;
  resume(): Promise<InboxStatus>;
}

/** Longer than the service waits for a store that hangs. */
const timeoutMs = 10_000;
const maxAnswerBytes = 100_000;

/** Holds no connection: the service, or its socket, may come and go between two calls. */
export function createInboxClient(socketPath: string): InboxClient {
  const ask = async (method: 'GET' | 'POST', path: string): Promise<InboxStatus> => {
    const { status, text } = await send({ socketPath, method, path });
    const parsed = status < 300 ? inboxStatusSchema.safeParse(parseJson(text)) : undefined;
    if (parsed?.success === true) return parsed.data;
    throw new InboxError('unexpected_answer', `The ingest service answered ${status}`);
  };
  return {
    status: () => ask('GET', inboxRoutes.status),
    scan: () => ask('POST', inboxRoutes.scan),
    pause: () => ask('POST', inboxRoutes.pause),
    resume: () => ask('POST', inboxRoutes.resume),
  };
}

interface Question {
  readonly socketPath: string;
  readonly method: 'GET' | 'POST';
  readonly path: string;
}

function send({ socketPath, method, path }: Question): Promise<{ status: number; text: string }> {
  const { promise, resolve, reject } = Promise.withResolvers<{ status: number; text: string }>();
  const fail = (error: unknown) => {
    reject(toInboxError(error));
  };
  const asked = request({ socketPath, method, path, agent: false, signal: AbortSignal.timeout(timeoutMs) });
  asked.on('error', fail);
  asked.on('response', (response) => {
    let text = '';
    response.setEncoding('utf8');
    response.on('data', (chunk: string) => {
      text += chunk;
      if (text.length > maxAnswerBytes) response.destroy(new Error('The answer is too long'));
    });
    response.on('error', fail);
    response.on('end', () => {
      resolve({ status: response.statusCode ?? 0, text });
    });
  });
  asked.end();
  return promise;
}

function toInboxError(cause: unknown): InboxError {
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
  return code === 'EACCES' || code === 'EPERM'
    ? new InboxError('inbox_forbidden', "This user may not open the ingest service's socket", { cause })
    : new InboxError('inbox_unreachable', 'The ingest service does not answer', { cause });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
