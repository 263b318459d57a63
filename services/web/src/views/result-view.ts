import type { JobResult } from '@glyphmill/core/queue';
import type { ResultRecord } from '@glyphmill/core/results';
import { linesPage } from '../lines-page.ts';
import { clipText } from './clip-text.ts';
import { confidenceMark } from './confidence.ts';
import { failureWords } from './failure-words.ts';
import { stateMark } from './job-state.ts';
import { viewOf } from './layout.ts';
import { html, type Markup } from './markup.ts';
import { amount, counted, duration, moment } from './quantities.ts';
import { sheet } from './sheet.ts';
import { sourceName, sourceTitle } from './source-name.ts';
import { lowFilters, textLines } from './text-lines.ts';

export interface ResultViewOptions {
  readonly record: ResultRecord;
  /** Number of the first line to show. */
  readonly from: number;
  /** Only lines below this confidence, in percent. */
  readonly below: number | undefined;
}

/** One job: its picture, its text, and everything that is known of it. */
export function resultView({ record, from, below }: ResultViewOptions): Markup {
  const { id, result, state } = record;
  const path = `/results/${id}`;
  return viewOf({
    live: state === 'queued' || state === 'active' ? 'changes' : 'never',
    content: html`<div class="title">
        <h1>${sourceTitle(record)}</h1>
        <p class="facts">${stateMark(state)} ${summary(record)}</p>
        ${result === undefined ? '' : actions({ path, isFiltered: below !== undefined })}
      </div>
      ${result === undefined ? explanation(record) : reading({ record, result, path, from, below })} ${details(record)}`,
  });
}

function summary({ result, finishedAt, createdAt }: ResultRecord): Markup {
  const when = moment(finishedAt ?? createdAt);
  if (result === undefined) return when;
  const { lines } = result;
  const mean = lines.reduce((sum, { confidence }) => sum + confidence, 0) / lines.length;
  return html`${
    lines.length === 0
      ? ''
      : html`<span>${confidenceMark(mean)} mean of ${counted(lines.length, 'line', 'lines')}</span>`
  }
  ${when}`;
}

function actions({ path, isFiltered }: { path: string; isFiltered: boolean }): Markup {
  const download = (extension: string) =>
    html`<a class="button" href="${path}.${extension}" download
      ><span class="unseen">Download </span>${extension.toUpperCase()}</a
    >`;
  return html`<div class="actions">
    <button class="button" type="button" data-copy hidden>${isFiltered ? 'Copy these lines' : 'Copy text'}</button>
    ${['txt', 'csv', 'json'].map(download)}
  </div>`;
}

interface ReadingOptions extends ResultViewOptions {
  readonly result: JobResult;
  readonly path: string;
}

function reading({ record, result, path, from, below }: ReadingOptions): Markup {
  const { lines, width, height } = result;
  const page = linesPage({ lines, from, below: below === undefined ? undefined : below / 100 });
  const countBelow = (limit: number) => lines.filter(({ confidence }) => confidence < limit / 100).length;
  const counts = { all: lines.length, below: new Map(lowFilters.map((limit) => [limit, countBelow(limit)])) };
  return html`<div class="reading">
    ${sheet({ id: record.id, width, height, hasPreview: record.previewSha256 !== undefined, lines: page.lines })}
    ${textLines({ path, page, below, counts })}
  </div>`;
}

function explanation({ state, error, nextAttemptAt }: ResultRecord): Markup {
  if (state === 'canceled') return html`<p class="empty">It was canceled before it was read.</p>`;
  if (error === undefined) {
    return html`<p class="empty">${state === 'active' ? 'It is being read right now.' : 'It waits for its turn.'}</p>`;
  }
  const { reason, advice } = failureWords[error.code];
  const next =
    state === 'failed'
      ? html`<p class="advice"><strong>What to do:</strong> ${advice}</p>`
      : html`<p class="advice">
          It is tried again${nextAttemptAt === undefined ? '' : html`, not before ${moment(nextAttemptAt)}`}.
        </p>`;
  return html`<div class="failure">
    <p class="reason">${reason}</p>
    ${next}
    <p class="quiet"><code>${error.code}</code> <bdi dir="auto">${clipText(error.message, 600)}</bdi></p>
  </div>`;
}

/** Names of sources take at most as much of a page as this. */
const maxSources = 40;

function details(record: ResultRecord): Markup {
  const { result, sources, sourceCount } = record;
  const shown = sources.slice(0, maxSources);
  const hidden = sourceCount - shown.length;
  return html`<details class="details">
    <summary>Details</summary>
    <dl>
      ${entry(
        sourceCount > 1 ? 'Sources' : 'Source',
        html`${
          shown.length === 0
            ? 'An upload without a name'
            : html`<ul>
                ${shown.map((source) => html`<li>${sourceName(source)}</li>`)}
              </ul>`
        }${hidden > 0 ? `and ${amount(hidden)} more` : ''}`,
      )}
      ${entry('Job', html`<code>${record.id}</code>`)}
      ${record.batchId && entry('Batch', html`<code>${clipText(record.batchId, 200)}</code>`)}
      ${record.sha256 && entry('SHA-256 of the picture', html`<code>${record.sha256}</code>`)}
      ${result && entry('Size', html`${amount(result.width)} × ${amount(result.height)} pixels`)}
      ${result && entry('Model', html`${clipText(result.model, 100)}`)}
      ${record.engineVersion && entry('Engine', html`${clipText(record.engineVersion, 100)}`)}
      ${entry('Accepted', moment(record.createdAt))} ${record.startedAt && entry('Begun', moment(record.startedAt))}
      ${record.finishedAt && entry('Ended', moment(record.finishedAt))} ${entry('Attempts', html`${record.attempts}`)}
      ${result && entry('Time in the engine', timings(result.timings))}
    </dl>
  </details>`;
}

function entry(term: string, description: Markup): Markup {
  return html`<div>
    <dt>${term}</dt>
    <dd>${description}</dd>
  </div>`;
}

function timings(stages: JobResult['timings']): Markup {
  const parts = Object.entries(stages).slice(0, 20);
  return html`<ul class="inline">
    ${parts.map(([stage, ms]) => html`<li>${clipText(stage, 40)} ${duration(ms)}</li>`)}
  </ul>`;
}
