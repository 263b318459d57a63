import { html, type Markup } from './markup.ts';

export interface PageLinksOptions {
  /** Path with what is asked for but the cursor. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly cursor?: string | undefined;
  readonly nextCursor?: string | undefined;
}

export function linkTo(path: string, query: Readonly<Record<string, string>> = {}): string {
  const text = new URLSearchParams(query).toString();
  return text === '' ? path : `${path}?${text}`;
}

/** To the next page and back to the first one; there is no previous page, since new rows keep coming above. */
export function pageLinks({ path, query = {}, cursor, nextCursor }: PageLinksOptions): Markup | '' {
  if (cursor === undefined && nextCursor === undefined) return '';
  const older = nextCursor === undefined ? undefined : linkTo(path, { ...query, cursor: nextCursor });
  return html`<nav class="turn" aria-label="Further pages">
    ${cursor === undefined ? '' : html`<a class="button" href="${linkTo(path, query)}">Newest</a>`}
    ${older === undefined ? html`<span class="quiet">This is the end of the list.</span>` : html`<a class="button" href="${older}" rel="next">Older</a>`}
  </nav>`;
}
