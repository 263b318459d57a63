import { errorCodes, OcrError } from '@glyphmill/core/errors';
import { describe, expect, test } from 'vitest';
import { problemResponse, statusOf, toProblem } from './problem.ts';

/** The table of the contract with users, row by row. */
const contract: Readonly<Record<number, readonly string[]>> = {
  401: ['unauthorized'],
  403: ['forbidden_origin'],
  404: ['job_not_found', 'not_found'],
  405: ['method_not_allowed'],
  409: ['job_not_cancelable', 'job_not_retryable', 'canceled'],
  413: ['body_too_large', 'image_too_large'],
  415: ['image_unsupported'],
  422: ['invalid_request', 'url_not_allowed', 'image_unreadable', 'poison_image', 'idempotency_conflict'],
  424: ['download_failed', 'download_timeout'],
  429: ['queue_full'],
  500: ['internal'],
  503: ['queue_unavailable', 'store_unavailable'],
  504: ['deadline_exceeded'],
  507: ['storage_full'],
};

describe('the status of a code', () => {
  test.each(errorCodes)('%s', (code) => {
    expect(contract[statusOf[code]]).toContain(code);
  });
});

describe('a problem', () => {
  test('says what happened and where to find it again', () => {
    const error = new OcrError('invalid_request', 'Bad', {
      violations: [{ pointer: '/image_url', detail: 'Missing' }],
    });
    expect(toProblem(error, 'r1')).toEqual({
      type: 'urn:glyphmill:problem:invalid_request',
      title: 'The request is invalid',
      status: 422,
      detail: 'Bad',
      code: 'invalid_request',
      instance: 'urn:request:r1',
      requestId: 'r1',
      errors: [{ pointer: '/image_url', detail: 'Missing' }],
    });
  });

  test('leaks nothing of an internal error', () => {
    const wire = OcrError.fromWire({ code: 'internal', message: '/secret/path', retryable: true });
    expect(JSON.stringify(toProblem(wire, 'r1'))).not.toContain('secret');
    expect(JSON.stringify(toProblem(OcrError.from(new Error('secret')), 'r1'))).not.toContain('secret');
  });

  test.each([
    ['queue_full', 7, '7'],
    ['queue_full', 0.2, '1'],
    ['queue_unavailable', undefined, '2'],
    ['store_unavailable', 3.2, '4'],
    ['internal', 3, null],
  ] as const)('%s with %s s to wait: Retry-After %s', (code, retryAfterSeconds, header) => {
    const error = new OcrError(code, 'x', retryAfterSeconds === undefined ? {} : { retryAfterSeconds });
    expect(problemResponse({ error, requestId: 'r' }).headers.get('retry-after')).toBe(header);
  });
});
