import type { InboxStatus } from '@glyphmill/core/inbox';
import { expect, test } from 'vitest';
import { formatStatus } from './print-status.ts';

const status: InboxStatus = {
  state: 'running',
  inbox: '/data/inbox',
  readable: true,
  watching: 'events',
  after: 'keep',
  scanning: false,
  lastScanAt: Date.parse('2026-11-26T10:00:00.123Z'),
  lastScanMs: 1_234,
  filesSeen: 12,
  filesIgnored: 0,
  waiting: 3,
  counts: { queued: 1, active: 2, succeeded: 5, failed: 1, canceled: 0, unreadable: 4 },
  failed: 5,
};

test('says what goes on', () => {
  expect(formatStatus(status)).toBe(`running
  inbox      /data/inbox
  new files  told by the system, and found by scans
  afterwards files stay
  last scan  2026-11-26 10:00:00Z, 1.2 s
  images     12 in the folder, 3 of them wait to be taken
  in work    1 queued, 2 being read
  read       5
  failed     1 could not be read as images, 4 could not be taken
`);
});

test('says what is wrong, and lets no name move the cursor', () => {
  const { counts: _counts, lastScanAt: _at, ...rest } = status;
  const text = formatStatus({ ...rest, state: 'standby', readable: false, inbox: '/a\u001B[2J', watching: 'rescan' });
  expect(text).toContain('standby: another process');
  expect(text).toContain('/a?[2J  (cannot be read at the moment)');
  expect(text).toContain('last scan  none yet');
  expect(text).toContain('the database does not answer');
});

test('says what cannot be looked at, and why', () => {
  const faults = { count: 7, examples: [{ path: 'locked', reason: 'forbidden' } as const] };
  expect(formatStatus({ ...status, faults })).toContain(`
  not seen   7 files or folders cannot be looked at; the first 1:
             locked (it may not be opened)
`);
});
