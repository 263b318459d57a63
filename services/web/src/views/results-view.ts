import type { InboxStatus } from '@glyphmill/core/inbox';
import type { MatchPage, ResultPage, StoreStatus } from '@glyphmill/core/results';
import { listingNames, type ListingName, listings } from '../listing.ts';
import { clipText } from './clip-text.ts';
import { viewOf } from './layout.ts';
import { html, type Markup } from './markup.ts';
import { linkTo, pageLinks } from './page-links.ts';
import { amount } from './quantities.ts';
import { matchRow, resultRow } from './result-row.ts';
import { scanButton } from './scan-button.ts';

/** Longer ones say nothing more, and would be repeated in every link. */
export const maxQueryLength = 200;

/** The search field, which stays as it is while the results below it are made anew. */
export function searchForm(query: string): Markup {
  return html`<h1 class="unseen">Results</h1>
    <form class="search" role="search" action="/" method="get">
      <label for="q">Search</label>
      <input
        id="q"
        name="q"
        type="search"
        value="${query}"
        maxlength="${maxQueryLength}"
        placeholder="Words from any picture"
        autocomplete="off"
        autocapitalize="off"
        spellcheck="false"
      />
      <button class="button" type="submit">Find</button>
    </form>`;
}

export interface ListViewOptions {
  readonly listing: ListingName;
  readonly page: ResultPage;
  readonly cursor: string | undefined;
  readonly inbox: InboxStatus | undefined;
  /** Undefined while it is not known. */
  readonly counts: Pick<StoreStatus, 'jobs' | 'failures'> | undefined;
}

/** The newest results, or those of one state. */
export function listView({ listing, page, cursor, inbox, counts }: ListViewOptions): Markup {
  const query = listing === 'latest' ? {} : { show: listing };
  return viewOf({
    live: 'changes',
    content: html`<div class="tools">
        <nav class="chips" aria-label="Which results">
          <ul>
            ${listingNames.map((name) => listingChip(name, { current: listing, jobs: counts?.jobs }))}
            ${chip({ path: '/failures', title: 'Failed', total: counts?.failures })}
          </ul>
        </nav>
        ${scanButton(inbox)}
      </div>
      ${
        page.rows.length === 0
          ? emptyList({ listing, cursor, inbox })
          : html`<ol id="results" class="rows" data-rows>
              ${page.rows.map(resultRow)}
            </ol>`
      }
      ${pageLinks({ path: '/', query, cursor, nextCursor: page.nextCursor })}`,
  });
}

function listingChip(
  name: ListingName,
  { current, jobs }: { current: ListingName; jobs: StoreStatus['jobs'] | undefined },
): Markup {
  const { title, states } = listings[name];
  const isCurrent = name === current;
  if (name === 'latest') return chip({ path: '/', title, isCurrent });
  const total = jobs && states.reduce((sum, state) => sum + jobs[state], 0);
  return chip({ path: linkTo('/', { show: name }), title, total, isCurrent });
}

interface Chip {
  readonly path: string;
  readonly title: string;
  readonly total?: number | undefined;
  readonly isCurrent?: boolean;
}

function chip({ path, title, total, isCurrent = false }: Chip): Markup {
  return html`<li>
    <a href="${path}" ${isCurrent ? html`aria-current="true"` : ''}
      >${title}${total === undefined ? '' : html` <span class="count">${amount(total)}</span>`}</a
    >
  </li>`;
}

function emptyList({ listing, cursor, inbox }: Pick<ListViewOptions, 'listing' | 'cursor' | 'inbox'>): Markup {
  if (cursor !== undefined) return empty(html`Nothing is older than this.`);
  switch (listing) {
    case 'latest':
    case 'read':
      return empty(html`No results yet. ${putPictures(inbox)}`);
    case 'waiting':
      return empty(html`Nothing is waiting.`);
  }
}

function putPictures(inbox: InboxStatus | undefined): Markup {
  return inbox === undefined
    ? html`Send pictures to <code>POST /jobs</code> of the API.`
    : html`Put pictures into <code>${clipText(inbox.inbox, 500)}</code>`;
}

function empty(content: Markup): Markup {
  return html`<div id="results" class="empty"><p>${content}</p></div>`;
}

export interface SearchViewOptions {
  readonly query: string;
  readonly page: MatchPage;
  readonly cursor: string | undefined;
}

/** What a search found, with its hits marked. */
export function searchView({ query, page, cursor }: SearchViewOptions): Markup {
  return viewOf({
    live: 'changes',
    content: html`<p id="found" class="found quiet">${foundWords({ query, page, cursor })}</p>
      ${
        page.rows.length === 0
          ? empty(html`No picture has a line with ${/\s/.test(query.trim()) ? 'all of these words' : 'this word'}.`)
          : html`<ol id="results" class="rows" data-rows>
              ${page.rows.map(matchRow)}
            </ol>`
      }
      ${pageLinks({ path: '/', query: { q: query }, cursor, nextCursor: page.nextCursor })}`,
  });
}

function foundWords({ query, page, cursor }: SearchViewOptions): Markup {
  const found = page.rows.length;
  const words = html`<bdi dir="auto">“${clipText(query, 300)}”</bdi>`;
  if (page.nextCursor !== undefined)
    return html`The ${found} ${cursor === undefined ? 'newest' : 'next'} pictures with ${words}`;
  return html`${found} ${cursor === undefined ? '' : 'more '}${found === 1 ? 'picture' : 'pictures'} with ${words}`;
}
