import type { InboxStatus } from '@glyphmill/core/inbox';
import type { FailurePage, FailureRow } from '@glyphmill/core/results';
import { clipText } from './clip-text.ts';
import { failureWords } from './failure-words.ts';
import { viewOf } from './layout.ts';
import { html, type Markup } from './markup.ts';
import { pageLinks } from './page-links.ts';
import { byteSize, counted, moment } from './quantities.ts';
import { thumbnail } from './result-row.ts';
import { moreSources, sourceName, sourceTitle, fileName } from './source-name.ts';

export interface FailuresViewOptions {
  readonly page: FailurePage;
  readonly cursor: string | undefined;
  readonly inbox: InboxStatus | undefined;
}

const messageBytes = 300;

/** What could not be read, why, and what somebody can do about it. */
export function failuresView({ page, cursor, inbox }: FailuresViewOptions): Markup {
  return viewOf({
    live: 'changes',
    content: html`<div class="tools">
        <h1>Failures</h1>
        ${inbox === undefined ? '' : html`<p class="quiet">A file that is changed is read again by itself.</p>`}
      </div>
      ${
        page.rows.length === 0
          ? html`<div id="failures" class="empty">
              <p>${cursor === undefined ? 'Nothing has failed.' : 'Nothing is older than this.'}</p>
            </div>`
          : html`<ol id="failures" class="rows" data-rows>
              ${page.rows.map(failureRow)}
            </ol>`
      }
      ${pageLinks({ path: '/failures', cursor, nextCursor: page.nextCursor })}`,
  });
}

function failureRow(row: FailureRow): Markup {
  const { reason, advice } = failureWords[row.error.code];
  return html`<li class="row" data-key="${keyOf(row)}" data-state="failed" data-code="${row.error.code}">
    ${
      row.kind === 'job'
        ? html`<a class="thumb" href="/results/${row.id}" tabindex="-1" aria-hidden="true">${thumbnail(row)}</a>`
        : html`<span class="thumb"></span>`
    }
    <div class="what">
      <h2 title="${fileName(row.kind === 'job' ? row.sources[0] : row.path)}">
        ${row.kind === 'job' ? html`<a href="/results/${row.id}">${sourceTitle(row)}</a> ${moreSources(row)}` : sourceName(row.path)}
      </h2>
      <p class="reason">${reason}</p>
      <p class="advice"><strong>What to do:</strong> ${advice}</p>
      <p class="quiet">
        <code>${row.error.code}</code> <bdi dir="auto">${clipText(row.error.message, messageBytes)}</bdi>
      </p>
    </div>
    <div class="facts">
      <span>${sizeOf(row)}</span>
      ${moment(row.failedAt)}
    </div>
  </li>`;
}

/** How often it was tried where that was more than once, or how large the file is that was never tried. */
function sizeOf(row: FailureRow): string {
  if (row.kind === 'file') return byteSize(row.bytes);
  return row.attempts > 1 ? counted(row.attempts, 'attempt', 'attempts') : '';
}

/** Tells rows apart while the page is made anew; paths may be long. */
function keyOf(row: FailureRow): string {
  return row.kind === 'job' ? row.id : clipText(`file:${row.path}`, 300);
}
