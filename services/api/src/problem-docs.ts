import { type ErrorCode, OcrError } from '@glyphmill/core/errors';
import { statusOf, toProblem } from '@glyphmill/http/problem';
import { problemSchema } from './problem-schema.ts';

const exampleRequestId = '0199d3a8-6f2e-7c1b-9d43-0b5a8e6f7c21';

const headersOf: Readonly<Record<number, Record<string, { description: string; schema: { type: 'string' } }>>> = {
  401: { 'WWW-Authenticate': { description: 'Asks for HTTP Basic', schema: { type: 'string' } } },
  429: { 'Retry-After': { description: 'Seconds until a try would be let in', schema: { type: 'string' } } },
  503: { 'Retry-After': { description: 'Seconds until a try may be worth it', schema: { type: 'string' } } },
};

/** One documented response for each status of the codes, with an example for each code. */
export function problemResponses(codes: readonly ErrorCode[]) {
  const byStatus = Map.groupBy(new Set(codes), (code) => statusOf[code]);
  return Object.fromEntries(
    [...byStatus].map(([status, ofStatus]) => [
      status,
      {
        description: ofStatus.map((code) => `\`${code}\``).join(', '),
        ...(headersOf[status] && { headers: headersOf[status] }),
        content: {
          'application/problem+json': { schema: problemSchema, examples: Object.fromEntries(ofStatus.map(example)) },
        },
      },
    ]),
  );
}

function example(code: ErrorCode): [string, { value: unknown }] {
  return [code, { value: toProblem(new OcrError(code, exampleDetail), exampleRequestId) }];
}

const exampleDetail = 'What is wrong this time';
