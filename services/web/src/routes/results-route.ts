import { OcrError } from '@glyphmill/core/errors';
import type { ResultReader, StoreStatus } from '@glyphmill/core/results';
import type { Hono } from 'hono';
import type { Assets } from '../assets.ts';
import type { InboxView } from '../inbox-view.ts';
import { listingOf, listings, matchesPerPage, rowsPerPage } from '../listing.ts';
import { sendPage } from '../send-page.ts';
import type { Markup } from '../views/markup.ts';
import { listView, maxQueryLength, searchForm, searchView } from '../views/results-view.ts';
import type { WebEnv } from '../web-env.ts';

export interface ResultsRouteOptions {
  readonly reader: Pick<ResultReader, 'results' | 'search' | 'status'>;
  readonly inbox: InboxView;
  readonly assets: Assets;
}

/** The newest results, or those that a search finds. */
export function addResultsRoute(app: Hono<WebEnv>, { reader, inbox, assets }: ResultsRouteOptions): void {
  const find = async (query: string, cursor: string | undefined): Promise<Markup> => {
    const page = await reader.search({ text: query, limit: matchesPerPage, ...(cursor !== undefined && { cursor }) });
    return searchView({ query, page, cursor });
  };
  const list = async (show: string | undefined, cursor: string | undefined): Promise<Markup> => {
    const listing = listingOf(show);
    const { states } = listings[listing];
    const [page, status, counts] = await Promise.all([
      reader.results({ states, limit: rowsPerPage, ...(cursor !== undefined && { cursor }) }),
      inbox.status(),
      countsOf(reader),
    ]);
    return listView({ listing, page, cursor, inbox: status, counts });
  };
  app.get('/', async (c) => {
    const query = (c.req.query('q') ?? '').slice(0, maxQueryLength).toWellFormed();
    const cursor = c.req.query('cursor');
    const isSearch = query.trim() !== '';
    const view = isSearch ? await find(query, cursor) : await list(c.req.query('show'), cursor);
    return sendPage(c, {
      assets,
      title: isSearch ? 'Search' : 'Results',
      page: 'results',
      head: searchForm(query),
      view,
    });
  });
}

/** The list is worth showing without them. */
async function countsOf(reader: Pick<ResultReader, 'status'>): Promise<StoreStatus | undefined> {
  try {
    return await reader.status();
  } catch (error) {
    if (OcrError.from(error).code === 'internal') throw error;
    return undefined;
  }
}
