import type { LinesPage, ShownLine } from '../lines-page.ts';
import { confidenceMark, levelBounds, levelOf } from './confidence.ts';
import { html, type Markup } from './markup.ts';
import { linkTo } from './page-links.ts';
import { amount } from './quantities.ts';

/** Confidences (in percent) that lines can be looked for below of. */
export const lowFilters = [levelBounds.high * 100, levelBounds.medium * 100] as const;

export interface TextLinesOptions {
  readonly path: string;
  readonly page: LinesPage;
  /** The filter in use, in percent. */
  readonly below: number | undefined;
  /** How many lines there are below of each filter, and in all. */
  readonly counts: { readonly all: number; readonly below: ReadonlyMap<number, number> };
}

/** The lines as text, each tied to its box. */
export function textLines({ path, page, below, counts }: TextLinesOptions): Markup {
  const query: Record<string, string> = below === undefined ? {} : { below: String(below) };
  const turn = (from: number, words: string) =>
    html`<a class="button" href="${linkTo(path, { ...query, from: String(from) })}">${words}</a>`;
  return html`<section class="text" aria-labelledby="text-title">
    <div class="tools">
      <h2 id="text-title">Text</h2>
      ${filterChips({ path, below, counts })}
    </div>
    ${page.earlierFrom === undefined ? '' : html`<nav class="turn" aria-label="Lines before">${turn(page.earlierFrom, 'Earlier lines')}</nav>`}
    ${
      page.lines.length === 0
        ? html`<p class="empty">${below === undefined ? 'No text was found.' : 'No line is below this confidence.'}</p>`
        : html`<ol id="lines" class="lines">
            ${page.lines.map(lineOf)}
          </ol>`
    }
    ${page.laterFrom === undefined ? '' : html`<nav class="turn" aria-label="Lines after">${turn(page.laterFrom, 'Later lines')}</nav>`}
  </section>`;
}

function filterChips({ path, below, counts }: Omit<TextLinesOptions, 'page'>): Markup {
  const chip = (limit: number | undefined, title: string, count: number) =>
    html`<li>
      <a
        href="${linkTo(path, limit === undefined ? {} : { below: String(limit) })}"
        ${limit === below ? html`aria-current="true"` : ''}
        >${title} <span class="count">${amount(count)}</span></a
      >
    </li>`;
  return html`<nav class="chips" aria-label="Which lines">
    <ul>
      ${chip(undefined, 'All', counts.all)}
      ${[...counts.below].map(([limit, count]) => chip(limit, `Below ${limit}%`, count))}
    </ul>
  </nav>`;
}

function lineOf({ number, text, confidence }: ShownLine): Markup {
  return html`<li id="line-${number}" data-line="${number}" data-level="${levelOf(confidence)}">
    <a class="no" href="#box-${number}" aria-label="Line ${number}: show its box">${number}</a
    ><bdi class="words" dir="auto">${text}</bdi>${confidenceMark(confidence)}
  </li>`;
}
