import { expect, test } from 'vitest';
import type { Answer } from './http-client.ts';
import { codeOf, type Stack, textsOf } from './stack.ts';

/** An error as the contract with users has it: RFC 9457, with a code that programs act on, and telling nothing more. */
export function expectProblem(answer: Answer, status: number, code: string): void {
  expect({ status: answer.status, code: codeOf(answer) }, answer.text.slice(0, 500)).toEqual({ status, code });
  expect(answer.contentType).toMatch(/^application\/problem\+json\b/);
  expect(answer.json).toMatchObject({
    type: expect.stringContaining(code) as string,
    title: expect.any(String) as string,
    status,
    detail: expect.any(String) as string,
  });
  // Neither paths nor addresses nor stack traces.
  expect(answer.text).not.toMatch(/\.ts\b|node_modules|\bat \w+ \(|127\.0\.0\.|redis|token-/i);
  if ([429, 503].includes(status)) expect(Number(answer.headers['retry-after'])).toBeGreaterThanOrEqual(1);
  if (status === 401) expect(answer.headers['www-authenticate']).toMatch(/^Basic /);
}

export function expectLines(answer: Answer, lines: readonly string[]): void {
  expect(answer.status, answer.text.slice(0, 500)).toBe(200);
  expect(answer.contentType).toMatch(/^application\/json\b/);
  expect(textsOf(answer)).toEqual(lines);
}

/** What must hold after whatever the tests of a file have done; call it at the file's end. */
export function testAftermath(stack: () => Stack): void {
  test(
    'afterwards it works, nobody died, and neither text nor URL nor secret was left anywhere',
    { concurrent: false },
    async () => {
      await stack().expectWorking();
      expect(stack().findDeaths()).toEqual([]);
      expect(await stack().findLeaks()).toEqual([]);
    },
  );
}
