import { OcrError } from '@glyphmill/core/errors';
import type { z } from 'zod';
import type { BodyLease } from './body-budget.ts';

export interface BodyLimits {
  readonly maxBytes: number;
  /** Counts the bytes as they come; whoever made it releases it. */
  readonly lease: BodyLease;
}

export interface JsonBodyOptions<T extends z.ZodType> extends BodyLimits {
  readonly schema: T;
}

/**
 * Room for a `data:` URL of the largest image: base64 makes four characters of three bytes, some JSON writers escape
 * each `/` of them (1 in 64), and the rest of the body is small.
 */
export function maxBodyBytes(maxImageBytes: number): number {
  return Math.ceil((maxImageBytes * 4 * 1.05) / 3) + 64 * 1024;
}

/** More than a request with an image's URL has. */
export const smallBodyBytes = 16 * 1024;

/** A JSON body that fits the schema; throws `invalid_request` with what is wrong, `body_too_large`, or `queue_full`. */
export async function readJsonBody<T extends z.ZodType>(
  request: Request,
  { schema, ...options }: JsonBodyOptions<T>,
): Promise<z.infer<T>> {
  return parseBody(schema, await readJson(request, options));
}

/** What a JSON body holds, whatever that is; throws as `readJsonBody` does. */
export async function readJson(request: Request, options: BodyLimits): Promise<unknown> {
  checkHeaders(request.headers);
  return parseJson(await readBody(request, options));
}

/** Throws `invalid_request`, with a JSON pointer to each thing that does not fit. */
export function parseBody<T extends z.ZodType>(schema: T, body: unknown): z.infer<T> {
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  throw new OcrError('invalid_request', 'The body is not what this endpoint takes', {
    violations: parsed.error.issues
      .slice(0, maxViolations)
      .map((issue) => ({ pointer: toPointer(issue.path), detail: issue.message })),
  });
}

/** Of a body that is wrong in very many places. */
const maxViolations = 100;

/** Without its parameters. */
export function mediaTypeOf(headers: Headers): string | undefined {
  return headers.get('content-type')?.split(';')[0]?.trim().toLowerCase();
}

/** JSON is UTF-8 whatever `charset` says (RFC 8259), so parameters are not looked at. */
function checkHeaders(headers: Headers): void {
  if (mediaTypeOf(headers) !== 'application/json') {
    throw new OcrError('invalid_request', 'The body must be JSON', {
      violations: [{ pointer: 'Content-Type', detail: 'Expected application/json' }],
    });
  }
  refuseCompressed(headers);
}

export function refuseCompressed(headers: Headers): void {
  const encoding = headers.get('content-encoding')?.trim().toLowerCase() ?? 'identity';
  if (encoding !== 'identity') {
    throw new OcrError('invalid_request', 'Compressed bodies are not accepted', {
      violations: [{ pointer: 'Content-Encoding', detail: 'Expected none' }],
    });
  }
}

/** Never holds more than `maxBytes`, whether or not the sender said how much comes. */
async function readBody(request: Request, { maxBytes, lease }: BodyLimits): Promise<Uint8Array> {
  const tooLarge = new OcrError('body_too_large', `The body has more than ${maxBytes} bytes`);
  const declared = request.headers.get('content-length');
  // The HTTP parser holds the sender to the declared length.
  if (declared !== null && Number(declared) > maxBytes) throw tooLarge;
  if (declared !== null && Number(declared) <= smallBodyBytes && !request.headers.has('transfer-encoding')) {
    // Most requests: read in one go, without the machinery of a stream.
    const bytes = new Uint8Array(await unlessGone(request.arrayBuffer()));
    lease.add(bytes.byteLength);
    return bytes;
  }
  if (request.body === null) return new Uint8Array();
  const reader = request.body.getReader();
  const chunks: Uint8Array[] = [];
  let length = 0;
  for (;;) {
    const { done, value } = await unlessGone(reader.read());
    if (done) return Buffer.concat(chunks, length);
    length += value.byteLength;
    // Not canceled: that would tear down the connection before the answer is out. The server drains or cuts the rest.
    if (length > maxBytes) throw tooLarge;
    lease.add(value.byteLength);
    chunks.push(value);
  }
}

/** A body that ends early has lost its sender. */
export async function unlessGone<T>(reading: Promise<T>): Promise<T> {
  try {
    return await reading;
  } catch (error) {
    throw new OcrError('canceled', 'The caller hung up before the whole body had come', { cause: error });
  }
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    // The parser's own message quotes the body.
    throw new OcrError('invalid_request', 'The body is not valid JSON', {
      violations: [{ pointer: '', detail: 'Not valid JSON in UTF-8' }],
    });
  }
}

function toPointer(path: readonly PropertyKey[]): string {
  return path.map((key) => `/${String(key).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
}
