import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';

export interface Asset {
  /** Holds the content's hash, so that a browser may keep it for ever and still gets the new one after an update. */
  readonly url: string;
  readonly type: string;
  readonly body: string;
}

export interface Assets {
  readonly style: Asset;
  readonly script: Asset;
  readonly icon: Asset;
}

/** In this order they are one style sheet: a page asks for one file, and nobody has to build it. */
const styleSheets = ['base', 'frame', 'lists', 'marks', 'result', 'status', 'media'];

/** Every file that pages refer to; read once, and nothing else is ever served from disk. */
export function loadAssets(): Assets {
  return {
    style: toAsset('page.css', {
      type: 'text/css; charset=utf-8',
      body: styleSheets.map((name) => read(`style/${name}.css`)).join('\n'),
    }),
    script: toAsset('page.js', { type: 'text/javascript; charset=utf-8', body: read('page.js') }),
    icon: toAsset('icon.svg', { type: 'image/svg+xml', body: read('icon.svg') }),
  };
}

function read(file: string): string {
  return readFileSync(new URL(`assets/${file}`, import.meta.url), 'utf8');
}

function toAsset(name: string, { type, body }: Pick<Asset, 'type' | 'body'>): Asset {
  const hash = createHash('sha256').update(body).digest('hex').slice(0, 12);
  return { url: `/assets/${name.replace('.', `.${hash}.`)}`, type, body };
}
