import { inboxFaults, type InboxStatus } from '@glyphmill/core/inbox';
import { takesFrom } from '@glyphmill/core/queue-view';
import type { StoreStatus } from '@glyphmill/core/results';
import type { DiskSpace } from '../disk-space.ts';
import type { QueueStatus } from '../queue-status.ts';
import { clipText } from './clip-text.ts';
import { stateWords } from './job-state.ts';
import { viewOf } from './layout.ts';
import { html, type Markup } from './markup.ts';
import { amount, byteSize, counted, duration, moment } from './quantities.ts';
import { scanButton } from './scan-button.ts';

export interface StatusViewOptions {
  readonly store: StoreStatus;
  /** `not connected`: no Redis is set; `away`: it does not answer. */
  readonly queue: QueueStatus | 'not connected' | 'away';
  readonly inbox: InboxStatus | undefined;
  readonly disk: DiskSpace | undefined;
}

/** How the whole is doing: what waits, how fast it goes, who works, and whether the disk fills up. */
export function statusView({ store, queue, inbox, disk }: StatusViewOptions): Markup {
  return viewOf({
    live: 'seconds',
    content: html`<div class="tools"><h1>Status</h1></div>
      <div class="cards">
        ${jobsCard(store)} ${paceCard(store, queue)} ${enginesCard(queue)} ${queueCard(queue)} ${inboxCard(inbox)}
        ${diskCard({ store, disk })}
      </div>`,
  });
}

function card(id: string, { title, content }: { title: string; content: Markup }): Markup {
  return html`<section class="card" id="${id}" aria-labelledby="${id}-title">
    <h2 id="${id}-title">${title}</h2>
    ${content}
  </section>`;
}

function entry(term: string, description: Markup | string): Markup {
  return html`<div>
    <dt>${term}</dt>
    <dd>${description}</dd>
  </div>`;
}

function jobsCard({ jobs, failures, oldestQueuedMs }: StoreStatus): Markup {
  const states = ['queued', 'active', 'succeeded', 'canceled'] as const;
  return card('jobs', {
    title: 'Pictures',
    content: html`<dl>
      ${states.map((state) => entry(stateWords[state], amount(jobs[state])))}
      ${entry(stateWords.failed, failures === 0 ? '0' : html`<a href="/failures">${amount(failures)}</a>`)}
      ${oldestQueuedMs === undefined ? '' : entry('Longest wait', duration(oldestQueuedMs))}
    </dl>`,
  });
}

function paceCard({ finished, jobs }: StoreStatus, queue: StatusViewOptions['queue']): Markup {
  const leftMs =
    typeof queue === 'string'
      ? undefined
      : timeFor(
          jobs.queued + jobs.active,
          queue.workers.filter((worker) => takesFrom(worker, 'bulk')),
        );
  return card('pace', {
    title: 'Throughput',
    content: html`<dl>
      ${entry('Last minute', amount(finished.lastMinute))} ${entry('Last hour', amount(finished.lastHour))}
      ${entry('Last day', amount(finished.lastDay))}
      ${leftMs === undefined ? '' : entry('Time left', html`about ${duration(leftMs)}`)}
    </dl>`,
  });
}

type Workers = QueueStatus['workers'];

/** Of the workers that have read a page lately; undefined while none has. */
function meanPageMs(workers: Workers): number | undefined {
  const paces = workers.map((worker) => worker.meanPageMs).filter((ms) => ms > 0);
  return paces.length === 0 ? undefined : paces.reduce((sum, ms) => sum + ms, 0) / paces.length;
}

/** How long the engines need for so many pictures, to the second. */
function timeFor(pictures: number, workers: Workers): number | undefined {
  const pageMs = meanPageMs(workers);
  const engines = workers.reduce((sum, worker) => sum + worker.engines, 0);
  if (pictures === 0 || pageMs === undefined || engines === 0) return undefined;
  return Math.ceil((pictures * pageMs) / engines / 1_000) * 1_000;
}

function enginesCard(queue: StatusViewOptions['queue']): Markup {
  const title = 'Engines';
  if (typeof queue === 'string') return card('engines', { title, content: notKnown(queue) });
  const { workers } = queue;
  if (workers.length === 0) {
    return card('engines', {
      title,
      content: html`<p class="warning">No worker is running: nothing will be read.</p>`,
    });
  }
  const engines = workers.reduce((sum, worker) => sum + worker.engines, 0);
  const busy = workers.reduce((sum, worker) => sum + worker.busy, 0);
  const pageMs = meanPageMs(workers);
  return card('engines', {
    title,
    content: html`<dl>
      ${entry('Workers', amount(workers.length))}
      ${entry('Engines busy', html`<meter min="0" max="${Math.max(engines, 1)}" value="${Math.min(busy, engines)}">${busy} of ${engines}</meter> ${busy} of ${engines}`)}
      ${pageMs === undefined ? '' : entry('A picture takes', duration(pageMs))}
    </dl>`,
  });
}

function queueCard(queue: StatusViewOptions['queue']): Markup {
  const title = 'Queue';
  if (typeof queue === 'string') return card('queue', { title, content: notKnown(queue) });
  return card('queue', {
    title,
    content: html`<table>
      <thead>
        <tr>
          <th scope="col">Lane</th>
          <th scope="col">Waiting</th>
          <th scope="col">Active</th>
          <th scope="col">Delayed</th>
        </tr>
      </thead>
      <tbody>
        ${queue.lanes.map(
          ({ lane, depth }) =>
            html`<tr>
              <th scope="row">${lane}</th>
              <td>${amount(depth.waiting)}</td>
              <td>${amount(depth.active)}</td>
              <td>${amount(depth.delayed)}</td>
            </tr>`,
        )}
      </tbody>
    </table>`,
  });
}

function notKnown(reason: 'not connected' | 'away'): Markup {
  return reason === 'away'
    ? html`<p class="warning">Redis does not answer. What is waiting is kept, and goes on when it is back.</p>`
    : html`<p class="quiet">Not connected: this page was given no <code>REDIS_URL</code>.</p>`;
}

const inboxStates: Readonly<Record<InboxStatus['state'], string>> = {
  running: 'Watching',
  paused: 'Paused',
  standby: 'On standby: another process watches',
};

function inboxCard(inbox: InboxStatus | undefined): Markup {
  const title = 'Folder';
  if (inbox === undefined) {
    return card('inbox', { title, content: html`<p class="quiet">Not connected: no folder watcher answers here.</p>` });
  }
  return card('inbox', {
    title,
    content: html`<dl>
        ${entry('Folder', html`<code>${clipText(inbox.inbox, 500)}</code>`)}
        ${entry('State', inbox.scanning ? 'Looking through it now' : inboxStates[inbox.state])}
        ${inbox.lastScanAt === undefined ? '' : entry('Last look', moment(inbox.lastScanAt))}
        ${entry('Pictures in it', amount(inbox.filesSeen))} ${entry('Not taken yet', amount(inbox.waiting))}
        ${inbox.filesIgnored > 0 ? entry('Other files', amount(inbox.filesIgnored)) : ''}
      </dl>
      ${inbox.readable ? '' : html`<p class="warning">The folder cannot be read. Is it connected?</p>`}
      ${inbox.faults === undefined ? '' : faultsWarning(inbox.faults)} ${scanButton(inbox)}`,
  });
}

function faultsWarning({ count, examples }: NonNullable<InboxStatus['faults']>): Markup {
  return html`<p class="warning">
      ${counted(count, 'file or folder', 'files or folders')} in it cannot be looked
      at${count > examples.length ? ', for example' : ''}:
    </p>
    <ul>
      ${examples.map(({ path, reason }) => html`<li><code>${clipText(path, 500)}</code>: ${inboxFaults[reason]}</li>`)}
    </ul>`;
}

function diskCard({ store, disk }: Pick<StatusViewOptions, 'store' | 'disk'>): Markup {
  return card('disk', {
    title: 'Disk',
    content: html`<dl>
        ${disk === undefined ? entry('Data folder', 'not known') : diskEntries(disk)}
        ${entry('Database', byteSize(store.databaseBytes))}
      </dl>
      ${disk !== undefined && disk.freeBytes < disk.totalBytes * lowShare ? html`<p class="warning">The disk is nearly full.</p>` : ''}`,
  });
}

/** Below this share of free space somebody ought to make room. */
const lowShare = 0.1;

function diskEntries({ freeBytes, totalBytes }: DiskSpace): Markup {
  const used = totalBytes - freeBytes;
  const high = Math.round(totalBytes * (1 - lowShare));
  return html`${entry(
    'Used',
    html`<meter min="0" max="${totalBytes}" high="${high}" optimum="0" value="${used}">${byteSize(used)}</meter>
      ${Math.round((used / totalBytes) * 100)}% of ${byteSize(totalBytes)}`,
  )}
  ${entry('Free', byteSize(freeBytes))}`;
}
