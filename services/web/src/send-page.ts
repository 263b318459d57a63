import type { Assets } from './assets.ts';
import { layout, type LayoutOptions } from './views/layout.ts';
import type { WebContext } from './web-env.ts';

/** Asked for by the page's script, which wants the part that changes alone. Other web pages cannot send it. */
const fragmentHeader = 'x-fragment';

/** The whole page, or only its view where that is asked for. */
export async function sendPage(
  c: WebContext,
  { assets, ...page }: Omit<LayoutOptions, 'assets'> & { readonly assets: Assets },
): Promise<Response> {
  const body = c.req.header(fragmentHeader) === 'view' ? page.view : layout({ assets, ...page });
  return c.html(body, 200, { vary: fragmentHeader });
}
