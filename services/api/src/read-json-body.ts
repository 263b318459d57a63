import { OcrError } from '@glyphmill/core/errors';
import type { z } from 'zod';
import type { BodyLease } from './body-budget.ts';

export interface JsonBodyOptions<T extends z.ZodType> {
  readonly schema: T;
  readonly maxBytes: number;
  /** Counts the bytes as they come; whoever made it releases it. */
  readonly lease: BodyLease;
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
  { schema, maxBytes, lease }: JsonBodyOptions<T>,
): Promise<z.infer<T>> {
  checkHeaders(request.headers);
  const bytes = await readBody(request, { maxBytes, lease });
  const parsed = schema.safeParse(parseJson(bytes));
  if (parsed.success) return parsed.data;
  throw new OcrError('invalid_request', 'The body is not what this endpoint takes', {
    violations: parsed.error.issues.map((issue) => ({ pointer: toPointer(issue.path), detail: issue.message })),
  });
}

/** JSON is UTF-8 whatever `charset` says (RFC 8259), so parameters are not looked at. */
function checkHeaders(headers: Headers): void {
  const mediaType = headers.get('content-type')?.split(';')[0]?.trim().toLowerCase();
  if (mediaType !== 'application/json') {
    throw new OcrError('invalid_request', 'The body must be JSON', {
      violations: [{ pointer: 'Content-Type', detail: 'Expected application/json' }],
    });
  }
  const encoding = headers.get('content-encoding')?.trim().toLowerCase() ?? 'identity';
  if (encoding !== 'identity') {
    throw new OcrError('invalid_request', 'Compressed bodies are not accepted', {
      violations: [{ pointer: 'Content-Encoding', detail: 'Expected none' }],
    });
  }
}

/** Never holds more than `maxBytes`, whether or not the sender said how much comes. */
async function readBody(
  request: Request,
  { maxBytes, lease }: Pick<JsonBodyOptions<z.ZodType>, 'maxBytes' | 'lease'>,
): Promise<Uint8Array> {
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
async function unlessGone<T>(reading: Promise<T>): Promise<T> {
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
