import { Writable } from 'node:stream';
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { logOptions, withoutQuery } from './logging.ts';

function linesOf(write: (logger: pino.Logger) => void): string {
  const chunks: string[] = [];
  const sink = new Writable({
    write(chunk: Buffer, _encoding, done) {
      chunks.push(chunk.toString());
      done();
    },
  });
  write(pino(logOptions({ service: 'api', level: 'info' }), sink));
  return chunks.join('');
}

test('a line says when, how bad and who', () => {
  const line: unknown = JSON.parse(
    linesOf((logger) => {
      logger.info({ jobId: '7' }, 'read');
    }),
  );
  expect(line).toMatchObject({ level: 'info', service: 'api', jobId: '7', msg: 'read' });
  expect((line as { time: string }).time).toMatch(/^\d{4}-.*Z$/);
});

test.each([
  { authorization: 'hunter2' },
  { headers: { authorization: 'hunter2', cookie: 'hunter2' } },
  { request: { headers: { authorization: 'hunter2' } } },
  { lines: [{ text: 'hunter2' }] },
  { body: { image_url: 'https://hunter2' } },
  { config: { password: 'hunter2' } },
])('secrets and recognized text are redacted: %j', (fields) => {
  const line = linesOf((logger) => {
    logger.info(fields, 'x');
  });
  expect(line).toContain('[redacted]');
  expect(line).not.toContain('hunter2');
});

test.each([
  ['https://user:pass@a.example:8443/path/token?key=secret#x', 'https://a.example:8443'],
  ['data:image/png;base64,AAAA', 'data:'],
  ['not a url', '[not a URL]'],
])('withoutQuery(%s)', (url, expected) => {
  expect(withoutQuery(url)).toBe(expected);
});
