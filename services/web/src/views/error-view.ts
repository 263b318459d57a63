import { viewOf } from './layout.ts';
import { html, type Markup } from './markup.ts';

export interface ErrorViewOptions {
  readonly title: string;
  readonly detail: string;
  readonly requestId: string;
}

/** Something went wrong, in plain words. */
export function errorView({ title, detail, requestId }: ErrorViewOptions): Markup {
  return viewOf({
    live: 'never',
    content: html`<div class="empty" id="error">
      <h1>${title}</h1>
      <p>${detail}</p>
      <p><a class="button" href="/">To the results</a></p>
      <p class="quiet">Request <code>${requestId}</code></p>
    </div>`,
  });
}
