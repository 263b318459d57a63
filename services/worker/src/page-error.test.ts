import { OcrError } from '@glyphmill/core/errors';
import { EngineError, engineErrorCodes } from '@glyphmill/ocr/pool';
import { describe, expect, test } from 'vitest';
import { toPageError } from './page-error.ts';

const running = new AbortController().signal;

describe('toPageError', () => {
  const table = {
    image_unsupported: 'image_unsupported',
    image_unreadable: 'image_unreadable',
    image_too_large: 'image_too_large',
    poison_image: 'poison_image',
    engine_failed: 'internal',
    provider_unavailable: 'internal',
    model_mismatch: 'internal',
    aborted: 'internal',
  } as const;

  test.each(engineErrorCodes)('EngineError %s', (code) => {
    const error = toPageError(new EngineError(code, 'what it says'), running);
    expect(error.code).toBe(table[code]);
    expect(error.message === 'what it says').toBe(error.code !== 'internal');
    expect(error.retryable).toBe(error.code === 'internal');
  });

  test('a page whose engines were killed from outside is worth another try', () => {
    const killed = new EngineError('poison_image', 'twice', { retryable: true });
    expect(toPageError(killed, running)).toMatchObject({ code: 'poison_image', retryable: true });
  });

  test.each([
    ['canceled', 'canceled'],
    ['deadline', 'deadline_exceeded'],
    ['lock_lost', 'internal'],
    ['drain', 'internal'],
  ] as const)('a page stopped by %s', (reason, code) => {
    const signal = AbortSignal.abort(reason);
    expect(toPageError(new EngineError('aborted', 'stopped'), signal).code).toBe(code);
    expect(toPageError(new DOMException('stopped', 'AbortError'), signal).code).toBe(code);
    expect(toPageError(new OcrError('download_failed', 'too late'), signal).code).toBe(code);
  });

  test('keeps what was thrown on purpose, and hides the rest', () => {
    const failed = new OcrError('download_failed', 'the server answered 404', { retryable: false });
    expect(toPageError(failed, running)).toBe(failed);
    const bug = toPageError(new TypeError('x is not a function'), running);
    expect(bug.code).toBe('internal');
    expect(bug.message).not.toContain('function');
  });
});
