import { inboxFaults, type InboxStatus } from '@glyphmill/core/inbox';
import { printable } from '../printable.ts';

/** For people: what goes on, then how many files are where. */
export function formatStatus(status: InboxStatus): string {
  const { counts, lastScanAt, lastScanMs } = status;
  const lastScan =
    lastScanAt === undefined ? 'none yet' : `${formatTime(lastScanAt)}, ${((lastScanMs ?? 0) / 1000).toFixed(1)} s`;
  const rows: [string, string | undefined][] = [
    ['inbox', status.inbox + (status.readable ? '' : '  (cannot be read at the moment)')],
    ['new files', status.watching === 'events' ? 'told by the system, and found by scans' : 'found by scans'],
    ['afterwards', status.after === 'keep' ? 'files stay' : 'files are moved to done/ or failed/'],
    ['last scan', status.scanning ? `${lastScan}; one is under way` : lastScan],
    ['images', `${status.filesSeen} in the folder, ${status.waiting} of them wait to be taken`],
    ['others', status.filesIgnored === 0 ? undefined : `${status.filesIgnored} files are no images`],
    ...faultRows(status.faults),
    ['in work', counts && `${counts.queued} queued, ${counts.active} being read`],
    ['read', counts && String(counts.succeeded)],
    ['failed', counts && `${counts.failed} could not be read as images, ${counts.unreadable} could not be taken`],
    ['canceled', counts === undefined || counts.canceled === 0 ? undefined : String(counts.canceled)],
    ['counts', counts === undefined ? 'not known: the database does not answer' : undefined],
  ];
  const lines = rows.flatMap(([name, value]) => (value === undefined ? [] : [`  ${name.padEnd(10)} ${value}`]));
  return [stateText[status.state], ...lines].map((line) => `${printable(line)}\n`).join('');
}

function faultRows(faults: InboxStatus['faults']): [string, string][] {
  if (faults === undefined) return [];
  const { count, examples } = faults;
  const more = count > examples.length ? `; the first ${examples.length}:` : ':';
  return [
    ['not seen', `${count === 1 ? '1 file or folder' : `${count} files or folders`} cannot be looked at${more}`],
    ...examples.map(({ path, reason }): [string, string] => ['', `${path} (${inboxFaults[reason]})`]),
  ];
}

const stateText: Readonly<Record<InboxStatus['state'], string>> = {
  running: 'running',
  paused: 'paused: no files are taken until resume',
  standby: 'standby: another process takes the files, or the database does not answer',
};

/** To the second, in UTC, as `jobs` prints it. */
function formatTime(at: number): string {
  return new Date(at)
    .toISOString()
    .replace('T', ' ')
    .replace(/\.\d+(?=Z$)/, '');
}
