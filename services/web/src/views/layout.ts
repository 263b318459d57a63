import type { Assets } from '../assets.ts';
import { html, type Markup } from './markup.ts';

export const pages = [
  { id: 'results', path: '/', title: 'Results' },
  { id: 'failures', path: '/failures', title: 'Failures' },
  { id: 'status', path: '/status', title: 'Status' },
] as const;
export type PageId = (typeof pages)[number]['id'];

export interface LayoutOptions {
  readonly assets: Assets;
  readonly title: string;
  /** Which of the navigation's pages this is. */
  readonly page?: PageId | undefined;
  /** Above the part that is made anew while the page is open. */
  readonly head?: Markup | undefined;
  readonly view: Markup;
  /** Seconds after which a browser without scripts asks again. */
  readonly refreshSeconds?: number | undefined;
}

/** A whole page. */
export function layout({ assets, title, page, head, view, refreshSeconds }: LayoutOptions): Markup {
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        ${refreshSeconds !== undefined ? html`<meta http-equiv="refresh" content="${refreshSeconds}" />` : ''}
        <title>${title} · Glyphmill</title>
        <link rel="icon" href="${assets.icon.url}" type="image/svg+xml" />
        <link rel="stylesheet" href="${assets.style.url}" />
        <script type="module" src="${assets.script.url}"></script>
      </head>
      <body>
        <a class="skip" href="#main">Skip to the content</a>
        <header class="bar">
          <a class="brand" href="/"><img src="${assets.icon.url}" alt="" width="24" height="24" />Glyphmill</a>
          <nav aria-label="Pages">
            <ul>
              ${pages.map((known) => navigationItem(known, page))}
            </ul>
          </nav>
        </header>
        <main id="main" tabindex="-1">${head ?? ''}${view}</main>
        <p id="announcer" class="unseen" role="status"></p>
        <p id="trouble" class="trouble" role="alert" hidden></p>
      </body>
    </html>`;
}

function navigationItem({ id, path, title }: (typeof pages)[number], current: PageId | undefined): Markup {
  return html`<li><a href="${path}" ${id === current ? html`aria-current="page"` : ''}>${title}</a></li>`;
}

export interface ViewOptions {
  /** `changes`: made anew whenever something has changed; `seconds`: also every few seconds; `never`: once. */
  readonly live: 'changes' | 'seconds' | 'never';
  readonly content: Markup;
}

/** The part of a page that can be sent by itself, to take the place of an older one. */
export function viewOf({ live, content }: ViewOptions): Markup {
  return html`<div id="view" data-live="${live}">${content}</div>`;
}
