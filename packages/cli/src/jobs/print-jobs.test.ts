import { describe, expect, test } from 'vitest';
import type { Job } from './job-schema.ts';
import { formatFailure, formatJob, formatListRow, formatRow, listHeader } from './print-jobs.ts';

const id = '0199d3a8-6f2e-7c1b-9d43-0b5a8e6f7c21';
const job: Job = {
  id,
  state: 'succeeded',
  batch: '0199d3a8-6f2d-7aa0-8c11-6f2d0e9b4a55',
  index: 2,
  source: { kind: 'upload', name: 'card.jpg', sha256: '9f86d081884c7d65', bytes: 42 },
  priority: 100,
  metadata: { order: 'A-1' },
  attempts: 1,
  created_at: '2026-11-25T09:30:00.123Z',
  result: { data: [{ text: 'STEAM' }, { text: 'XR56L' }] },
};

describe('printing jobs', () => {
  test('rows', () => {
    expect(formatRow({ id, state: 'queued' }, 'scans/a.png')).toBe(`${id}  queued     scans/a.png\n`);
    const failed: Job = {
      id,
      state: 'failed',
      source: { kind: 'url', url: 'https://a.test/1' },
      error: { code: 'download_failed', detail: 'The server answered 404' },
    };
    expect(formatRow(failed, 'a')).toBe(`${id}  failed     a  download_failed: The server answered 404\n`);
    expect(formatListRow(failed)).toMatch(/ {2}failed {22,}.* https:\/\/a\.test\/1 {2}download_failed: /);
    const columns = (row: string) => [row.indexOf('2026'), row.indexOf('card.jpg')];
    expect(columns(formatListRow(job))).toEqual([listHeader.indexOf('CREATED'), listHeader.indexOf('IMAGE')]);
  });

  test('a whole job', () => {
    expect(formatJob(job)).toBe(`${id}  succeeded
  image     card.jpg, 42 bytes
  batch     0199d3a8-6f2d-7aa0-8c11-6f2d0e9b4a55, place 2
  priority  100
  metadata  {"order":"A-1"}
  runs      1
  created   2026-11-25 09:30:00Z
  text      2 lines
    STEAM
    XR56L
`);
    expect(formatJob({ id, state: 'queued' })).toBe(`${id}  queued\n`);
  });

  test('nothing that comes from others moves the cursor', () => {
    const evil = 'a\u001B[2Jb\nc';
    const texts = [
      formatRow({ id, state: 'failed', error: { code: 'x', detail: evil } }, evil),
      formatListRow({ ...job, source: { kind: 'upload', name: evil } }),
      formatJob({ ...job, result: { data: [{ text: evil }] }, metadata: { evil } }),
      formatFailure(evil, { code: 'x', detail: evil, errors: [{ pointer: evil, detail: 'y' }] }),
    ];
    for (const text of texts) {
      expect(text).not.toContain('\u001B');
      expect(text).not.toContain('\nc');
    }
  });

  test('a failure says where, unless it was said', () => {
    const errors = [
      { pointer: '/metadata', detail: 'Too long' },
      { pointer: '/priority', detail: 'The request is wrong' },
    ];
    expect(formatFailure('a', { code: 'invalid_request', detail: 'The request is wrong', errors })).toBe(
      'a: invalid_request: The request is wrong; /metadata: Too long\n',
    );
  });
});
