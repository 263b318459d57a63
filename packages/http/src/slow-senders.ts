import type { IncomingMessage, Server, ServerResponse } from 'node:http';

/**
 * Cuts off who takes too long to send a request's body. Node's own limit is one time for all requests; an upload of a
 * thousand images may take as long as it needs, as long as bytes keep coming.
 */
export interface SlowSenders {
  watch(request: IncomingMessage, response: ServerResponse): void;
}

export interface SlowSendersOptions {
  readonly server: Server;
  /** For the whole request, however large. */
  readonly timeoutMs: number;
  /** How often is looked. */
  readonly checkMs: number;
}

/** What a body must come with on average, beyond the time that every request has. */
const minBytesPerSecond = 64 * 1024;
/** Who was answered early may go on sending for a moment, lest the end of the connection take the answer away. */
const maxLingerMs = 10_000;

interface Receiving {
  readonly request: IncomingMessage;
  readonly startedAt: number;
  /** Of its connection, which may have carried requests before. */
  readonly bytesBefore: number;
  answeredAt?: number;
}

export function cutOffSlowSenders({ server, timeoutMs, checkMs }: SlowSendersOptions): SlowSenders {
  const receiving = new Set<Receiving>();

  const deadlineOf = ({ request, startedAt, bytesBefore, answeredAt }: Receiving) => {
    if (answeredAt !== undefined) return answeredAt + Math.min(timeoutMs, maxLingerMs);
    return startedAt + timeoutMs + ((request.socket.bytesRead - bytesBefore) * 1000) / minBytesPerSecond;
  };
  const check = () => {
    const now = performance.now();
    for (const entry of receiving) {
      const { request } = entry;
      if (request.complete || request.socket.destroyed) receiving.delete(entry);
      else if (now >= deadlineOf(entry)) {
        receiving.delete(entry);
        const late = Object.assign(new Error('The request took too long'), { code: 'ERR_HTTP_REQUEST_TIMEOUT' });
        server.emit('clientError', late, request.socket);
      }
    }
  };
  const timer = setInterval(check, checkMs);
  timer.unref();
  server.once('close', () => {
    clearInterval(timer);
  });

  return {
    watch(request, response) {
      const startedAt = performance.now();
      const entry: Receiving = { request, startedAt, bytesBefore: request.socket.bytesRead };
      receiving.add(entry);
      response.once('finish', () => {
        entry.answeredAt = performance.now();
        if (request.complete) receiving.delete(entry);
      });
    },
  };
}
