import type { InboxStatus } from '@glyphmill/core/inbox';
import { expect, test } from 'vitest';
import { statusView } from './status-view.ts';

const inbox: InboxStatus = {
  state: 'running',
  inbox: '/srv/pictures',
  readable: true,
  watching: 'events',
  after: 'keep',
  scanning: false,
  filesSeen: 1,
  filesIgnored: 0,
  waiting: 0,
  failed: 0,
};
const jobs = { queued: 0, active: 0, succeeded: 0, failed: 0, canceled: 0 };
const store = {
  jobs,
  finished: { lastMinute: 0, lastHour: 0, lastDay: 0 },
  databaseBytes: 0,
  failures: 0,
  countedAt: 0,
};

const pageOf = async (shown: InboxStatus) =>
  String(await statusView({ store, queue: 'not connected', inbox: shown, disk: undefined }));

test('the card of the folder warns of what cannot be looked at, and says why', async () => {
  const faults: InboxStatus['faults'] = { count: 3, examples: [{ path: 'a<b>/\uFFFD.png', reason: 'name_not_utf8' }] };
  const page = await pageOf({ ...inbox, faults });
  expect(page).toMatch(/class="warning">\s*3 files or folders in it cannot be looked\s+at, for example:/);
  expect(page).toContain('<code>a&lt;b&gt;/\uFFFD.png</code>: its name is not UTF-8');
  expect(await pageOf(inbox)).not.toContain('cannot be looked at');
});
