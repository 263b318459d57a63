import type { InboxStatus } from '@glyphmill/core/inbox';
import { html, type Markup } from './markup.ts';

/** Asks for a look through the inbox; absent where nobody could do it. */
export function scanButton(inbox: InboxStatus | undefined): Markup | '' {
  if (inbox === undefined || inbox.state === 'standby') return '';
  return html`<form class="scan" method="post" action="/scan" data-scan>
    <button class="button" type="submit">Scan now</button>
  </form>`;
}
