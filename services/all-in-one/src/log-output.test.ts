import { expect, it } from 'vitest';
import { createLogOutput } from './log-output.ts';

function record({ forPeople = false, level = 'info' } = {}) {
  const lines: string[] = [];
  return { lines, output: createLogOutput({ write: (text) => lines.push(text), forPeople, level }) };
}

const out = (text: string) => ({ text, stream: 'stdout' as const });

it("passes the services' own lines on as they are", () => {
  const { lines, output } = record({ level: 'error' });
  const line = '{"level":"info","time":"2026-11-23T12:00:00.000Z","service":"api","msg":"listening"}';
  output.childLine('api', out(line));
  expect(lines).toEqual([`${line}\n`]);
});

it('makes JSON of what is none', () => {
  const { lines, output } = record();
  output.childLine('worker', out('Bad settings in the environment:'));
  output.childLine('worker', out('{broken'));
  expect(lines.map((line) => JSON.parse(line) as unknown)).toMatchObject([
    { level: 'info', service: 'worker', msg: 'Bad settings in the environment:' },
    { service: 'worker', msg: '{broken' },
  ]);
});

it('takes last words for an error, and what Node warns of for a warning', () => {
  const { lines, output } = record();
  for (const text of ['Error: listen EADDRINUSE', '(node:7) ExperimentalWarning: new', '{"level":"info","msg":"x"}']) {
    output.childLine('api', { text, stream: 'stderr' });
  }
  expect(lines.map((line) => (JSON.parse(line) as { level: string }).level)).toEqual(['error', 'warn', 'info']);
});

it('keeps what Redis says about trouble and drops its small talk', () => {
  const { lines, output } = record();
  output.childLine('redis', out('12:M 23 Nov 2026 12:00:00.000 * Ready to accept connections'));
  output.childLine('redis', out('12:C 23 Nov 2026 12:00:00.000 # oO0OoO0OoO0Oo Redis is starting oO0OoO0OoO0Oo'));
  output.childLine('redis', out('12:signal-handler (1795437362) Received SIGTERM scheduling shutdown...'));
  output.childLine('redis', out('12:M 23 Nov 2026 12:00:00.000 # Out Of Memory allocating 8 bytes!'));
  expect(lines).toHaveLength(1);
  expect(JSON.parse(lines[0] ?? '')).toMatchObject({ level: 'warn', msg: 'Out Of Memory allocating 8 bytes!' });
});

it('is short on a terminal', () => {
  const { lines, output } = record({ forPeople: true });
  output.childLine(
    'api',
    out('{"level":"info","time":"2026-11-23T12:00:00.000Z","service":"api","pid":7,"msg":"done","ms":12}'),
  );
  expect(lines[0]).toMatch(/^\d\d:00:00 info {2}api {8}done ms=12\n$/);
});

it('obeys LOG_LEVEL for its own events', () => {
  const { lines, output } = record({ level: 'warn' });
  output.event('info', 'Started api');
  output.event('warn', 'Killed api');
  expect(lines).toHaveLength(1);
});
