import { mkdtempSync, mkdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseDemoArguments } from './demo-options.ts';

let cwd: string;
beforeAll(() => {
  cwd = mkdtempSync(path.join(tmpdir(), 'glyphmill-demo-'));
  mkdirSync(path.join(cwd, 'data/inbox'), { recursive: true });
  mkdirSync(path.join(cwd, 'elsewhere/inbox'), { recursive: true });
});
afterAll(() => {
  rmSync(cwd, { recursive: true });
});

const parse = (args: readonly string[], env: Readonly<Record<string, string>> = {}) =>
  parseDemoArguments(args, { cwd, env });

describe('the demo load', () => {
  it('goes to npm start for a minute unless told otherwise', () => {
    expect(parse([])).toMatchObject({ url: 'http://127.0.0.1:8000', seconds: 60 });
    expect(parse([], { BASE_URL: 'http://ocr.example/' }).url).toBe('http://ocr.example');
    expect(parse(['--url', 'http://127.0.0.1:9'], { BASE_URL: 'http://ocr.example' }).url).toBe('http://127.0.0.1:9');
  });

  it('does not go on for longer than five minutes', () => {
    expect(parse(['--seconds', '300']).seconds).toBe(300);
    expect(() => parse(['--seconds', '301'])).toThrow('at most 300');
    expect(() => parse(['--seconds', 'ten'])).toThrow('--seconds');
  });

  it('puts files into the inbox of a service on this machine, and into no other', () => {
    expect(parse([]).inbox).toBe(path.join(cwd, 'data/inbox'));
    expect(parse([], { DATA_DIR: 'elsewhere' }).inbox).toBe(path.join(cwd, 'elsewhere/inbox'));
    expect(parse([], { INBOX_DIR: 'elsewhere/inbox' }).inbox).toBe(path.join(cwd, 'elsewhere/inbox'));
    expect(parse([], { DATA_DIR: 'nowhere' }).inbox).toBeUndefined();
    expect(parse([], { BASE_URL: 'http://ocr.example' }).inbox).toBeUndefined();
    expect(parse(['--no-inbox']).inbox).toBeUndefined();
  });

  it('puts them where it is told, if that is there', () => {
    expect(parse(['--inbox', 'elsewhere/inbox', '--url', 'http://ocr.example']).inbox).toBe(
      path.join(cwd, 'elsewhere/inbox'),
    );
    expect(() => parse(['--inbox', 'nowhere'])).toThrow('not there');
  });
});
