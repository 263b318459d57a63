import { clipText } from './clip-text.ts';
import { html, type Markup } from './markup.ts';

const maxNameBytes = 240;
/** File systems take 255 bytes for a name; some become longer in a page. */
const maxFileNameBytes = 320;

/** What a source is called in running text, or in a title, where no markup can hold its direction. */
export function plainName(sources: readonly string[]): string {
  const [first] = sources;
  return first === undefined ? 'Picture without a name' : plainText(first, maxNameBytes);
}

/** The name without its folders, for a tip: what lists show of a long one is cut off. */
export function fileName(source = ''): string {
  return plainText(source.slice(startOfName(source)), maxFileNameBytes);
}

/** Of a path or a URL, which may end with a slash. */
function startOfName(source: string): number {
  return source.lastIndexOf('/', source.length - 2) + 1;
}

function plainText(text: string, maxBytes: number): string {
  return clipText(text.replaceAll(unsafeInTitles, ' '), maxBytes);
}

/** Control characters, and those that turn the direction of whatever follows. */
const unsafeInTitles = /[\p{Cc}\u061C\u200E\u200F\u202A-\u202E\u2066-\u2069]/gu;

/** A path or a URL: the last part is what people know a picture by. */
export function sourceName(source: string): Markup {
  const clipped = clipText(source, maxNameBytes);
  const cut = startOfName(clipped);
  return html`<bdi class="name" dir="auto"
    ><span class="folder">${clipped.slice(0, cut)}</span>${clipped.slice(cut)}</bdi
  >`;
}

/** The name of a job's picture, and that it has more of them. */
export function sourceTitle({ sources }: Pick<Sources, 'sources'>): Markup {
  const [first] = sources;
  if (first === undefined) return html`<span class="name">${plainName([])}</span>`;
  return sourceName(first);
}

export function moreSources({ sourceCount }: Sources): Markup | '' {
  return sourceCount > 1 ? html`<span class="more">and ${sourceCount - 1} more of the same</span>` : '';
}

interface Sources {
  readonly sources: readonly string[];
  readonly sourceCount: number;
}
