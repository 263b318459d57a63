import type { LineMatch, MatchRow, ResultRow } from '@glyphmill/core/results';
import { clipText, pageBytes } from './clip-text.ts';
import { confidenceMark, levelOf } from './confidence.ts';
import { failureWords } from './failure-words.ts';
import { stateMark, stateWords } from './job-state.ts';
import { html, type Markup } from './markup.ts';
import { markedText } from './marked-text.ts';
import { amount, counted, moment } from './quantities.ts';
import { moreSources, sourceTitle, fileName } from './source-name.ts';

/** Of all the text in a row; fifty of them stay far below what a page may weigh. */
const rowTextBytes = 900;
const matchTextBytes = 400;

/** One job in the list. */
export function resultRow(row: ResultRow): Markup {
  return rowOf(row, firstLines(row));
}

/** One job among the hits of a search. */
export function matchRow(row: MatchRow): Markup {
  const hits = html`<ol class="hits">
      ${row.matches.map((match) => hit(row.id, match))}
    </ol>
    ${row.hasMoreMatches ? html`<p class="quiet">and more lines</p>` : ''}`;
  return rowOf(row, hits);
}

function rowOf(row: ResultRow, body: Markup): Markup {
  const path = `/results/${row.id}`;
  return html`<li class="row" data-key="${row.id}" data-state="${row.state}">
    <a class="thumb" href="${path}" tabindex="-1" aria-hidden="true">${thumbnail(row)}</a>
    <div class="what">
      <h2 title="${fileName(row.sources[0])}"><a href="${path}">${sourceTitle(row)}</a> ${moreSources(row)}</h2>
      ${body}
    </div>
    <div class="facts">${facts(row)}</div>
  </li>`;
}

export function thumbnail({ id, thumbnailSha256 }: Pick<ResultRow, 'id' | 'thumbnailSha256'>): Markup | '' {
  if (thumbnailSha256 === undefined) return '';
  return html`<img src="/pictures/${id}/thumbnail" alt="" width="64" height="64" loading="lazy" decoding="async" />`;
}

function firstLines(row: ResultRow): Markup {
  if (row.state === 'failed') return html`<p class="quiet">${row.error && failureWords[row.error.code].reason}</p>`;
  if (row.state !== 'succeeded') return html`<p class="quiet">${row.error && 'Is tried again after a failure.'}</p>`;
  if (row.lineCount === 0) return html`<p class="quiet">No text was found.</p>`;
  let bytesLeft = rowTextBytes;
  const lines: Markup[] = [];
  for (const line of row.firstLines) {
    if (bytesLeft < 20) break;
    const text = clipText(line, bytesLeft);
    bytesLeft -= pageBytes(text);
    lines.push(html`<bdi dir="auto">${text}</bdi>`);
  }
  return html`<p class="lines">${lines}</p>`;
}

function hit(id: string, { lineIndex, text, confidence, spans }: LineMatch): Markup {
  const number = lineIndex + 1;
  return html`<li>
    <a href="${lineLink(id, number)}"
      ><span class="no"><span class="unseen">Line </span>${amount(number)}</span>
      <bdi class="text" dir="auto">${markedText({ text, spans, maxBytes: matchTextBytes })}</bdi></a
    >
    ${levelOf(confidence) === 'high' ? '' : confidenceMark(confidence)}
  </li>`;
}

/** A page of one result shows so many lines at least; one further down needs a page that begins near it. */
const surelyShownLines = 60;
const linesBefore = 5;

function lineLink(id: string, number: number): string {
  const from = number <= surelyShownLines ? '' : `?from=${number - linesBefore}`;
  return `/results/${id}${from}#line-${number}`;
}

function facts(row: ResultRow): Markup {
  const { meanConfidence: mean, minConfidence: least } = row;
  return html`${row.state === 'succeeded' ? html`<span class="unseen">${stateWords.succeeded}</span>` : stateMark(row.state)}
  ${mean === undefined ? '' : html`<span class="mean" title="Mean confidence">${confidenceMark(mean)}</span>`}
  ${least !== undefined && levelOf(least) !== 'high' ? html`<span class="least">lowest ${confidenceMark(least)}</span>` : ''}
  ${row.lineCount > row.firstLines.length ? html`<span>${counted(row.lineCount, 'line', 'lines')}</span>` : ''}
  ${moment(row.finishedAt ?? row.createdAt)}`;
}
