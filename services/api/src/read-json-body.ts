import { OcrError } from '@glyphmill/core/errors';
import type { z } from 'zod';

export interface JsonBodyOptions<T extends z.ZodType> {
  readonly schema: T;
  readonly maxBytes: number;
}

/**
 * Room for a `data:` URL of the largest image: base64 makes four characters of three bytes, some JSON writers escape
 * each `/` of them (1 in 64), and the rest of the body is small.
 */
export function maxBodyBytes(maxImageBytes: number): number {
  return Math.ceil((maxImageBytes * 4 * 1.05) / 3) + 64 * 1024;
}

/** A JSON body that fits the schema; throws `invalid_request` with what is wrong, or `body_too_large`. */
export async function readJsonBody<T extends z.ZodType>(
  request: Request,
  { schema, maxBytes }: JsonBodyOptions<T>,
): Promise<z.infer<T>> {
  checkHeaders(request.headers);
  const bytes = await readBody(request, maxBytes);
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
async function readBody(request: Request, maxBytes: number): Promise<Uint8Array> {
  const tooLarge = new OcrError('body_too_large', `The body has more than ${maxBytes} bytes`);
  const declared = request.headers.get('content-length');
  if (declared !== null && !request.headers.has('transfer-encoding')) {
    // The HTTP parser holds the sender to the declared length.
    if (Number(declared) > maxBytes) throw tooLarge;
    return new Uint8Array(await request.arrayBuffer());
  }
  if (request.body === null) return new Uint8Array();
  const reader = request.body.getReader();
  const chunks: Uint8Array[] = [];
  let length = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return Buffer.concat(chunks, length);
    length += value.byteLength;
    // Not canceled: that would tear down the connection before the answer is out. The server drains or cuts the rest.
    if (length > maxBytes) throw tooLarge;
    chunks.push(value);
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
