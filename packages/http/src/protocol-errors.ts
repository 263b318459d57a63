import { type IncomingMessage, type Server, type ServerResponse, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { OcrError } from '@glyphmill/core/errors';
import type { Logger } from '@glyphmill/core/logging';
import { toProblem } from './problem.ts';
import { chooseRequestId } from './request-id.ts';

/**
 * Requests that are no proper HTTP never reach the app; Node would answer them with an empty body. Here they get a
 * problem as every other error does: `invalid_request`, with the status that HTTP has for it.
 */
export interface ProtocolErrors {
  /** Sees each request before the app does. Answers it and says `true` where its `Host` is missing or doubtful. */
  refuses(request: IncomingMessage, response: ServerResponse): boolean;
}

interface Refusal {
  readonly status: 400 | 408 | 431;
  readonly detail: string;
}

/** Time for the rest of what a client is still sending: closing on unread bytes would take its answer away. */
const lingerMs = 500;

export function answerProtocolErrors(server: Server, logger: Pick<Logger, 'info'>): ProtocolErrors {
  const exchanges = new WeakMap<Duplex, Exchanges>();
  const answered = new WeakSet<Duplex>();

  const describe = ({ status, detail }: Refusal, reason: string) => {
    const requestId = chooseRequestId(undefined);
    logger.info({ status, reason, requestId }, 'malformed request');
    const body = JSON.stringify({ ...toProblem(new OcrError('invalid_request', detail), requestId), status });
    const headers = {
      'content-type': 'application/problem+json',
      'content-length': String(Buffer.byteLength(body)),
      'x-request-id': requestId,
      'cache-control': 'no-store',
      connection: 'close',
    };
    return { body, headers };
  };

  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    if (answered.has(socket)) return;
    const before = exchanges.get(socket);
    // Nobody is there to read an answer, or it would be taken for the answer to another request.
    if (!socket.writable || error.code === 'ECONNRESET' || before?.mayAnswer() === false) {
      socket.destroy();
      return;
    }
    answered.add(socket);
    const refusal = refusalOf(error);
    const { body, headers } = describe(refusal, error.code ?? 'unknown');
    const head = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
    const statusLine = `HTTP/1.1 ${refusal.status} ${STATUS_CODES[refusal.status]}`;
    socket.end(`${[statusLine, ...head].join('\r\n')}\r\n\r\n${body}`);
    // The app waits for the rest of a broken body: the end of the connection tells it that none comes.
    setTimeout(() => socket.destroy(), before?.isReceiving() === true ? 0 : lingerMs);
  });

  // Node would answer 417. What nobody understands may be ignored.
  server.on('checkExpectation', (request, response) => server.emit('request', request, response));

  return {
    refuses(request, response) {
      let known = exchanges.get(request.socket);
      if (known === undefined) exchanges.set(request.socket, (known = createExchanges()));
      known.add(request, response);
      const hosts = request.rawHeaders.filter((name, index) => index % 2 === 0 && name.toLowerCase() === 'host').length;
      // HTTP/1.0 knew no `Host`.
      if (hosts === 1 || (hosts === 0 && request.httpVersion === '1.0')) return false;
      const refusal = { status: 400, detail: 'A request needs one Host header' } as const;
      const { body, headers } = describe(refusal, hosts === 0 ? 'no Host' : 'several Host headers');
      response.writeHead(refusal.status, headers).end(body);
      return true;
    },
  };
}

function refusalOf({ code }: NodeJS.ErrnoException): Refusal {
  switch (code) {
    case 'HPE_HEADER_OVERFLOW':
      return { status: 431, detail: 'The headers are too large' };
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return { status: 408, detail: 'The request took too long to arrive' };
    default:
      return { status: 400, detail: 'This is not a valid HTTP request' };
  }
}

/** What one connection has asked so far. */
interface Exchanges {
  add(request: IncomingMessage, response: ServerResponse): void;
  /** Whether the body of the latest request is still on its way. */
  isReceiving(): boolean;
  /** Whether what is written now would be the answer to what has just gone wrong. */
  mayAnswer(): boolean;
}

function createExchanges(): Exchanges {
  let open = 0;
  let latest: { request: IncomingMessage; response: ServerResponse } | undefined;
  const isReceiving = () => latest?.request.complete === false;
  return {
    isReceiving,
    add(request, response) {
      open++;
      latest = { request, response };
      response.once('close', () => open--);
    },
    mayAnswer() {
      // A broken body is its request's fault; what follows a complete request is one of its own, in its turn.
      return isReceiving() ? open === 1 && latest?.response.headersSent === false : open === 0;
    },
  };
}
