import type { ShownLine } from '../lines-page.ts';
import { levelOf, percent } from './confidence.ts';
import { html, type Markup } from './markup.ts';

export interface SheetOptions {
  readonly id: string;
  /** Of the upright picture, in pixels; boxes are measured in them, whatever the size of the preview. */
  readonly width: number;
  readonly height: number;
  readonly hasPreview: boolean;
  readonly lines: readonly ShownLine[];
}

/** The picture with the boxes of its lines drawn over it. Without a preview the boxes stand on empty paper. */
export function sheet({ id, width, height, hasPreview, lines }: SheetOptions): Markup {
  return html`<figure class="sheet">
    <div class="paper" tabindex="0" role="group" aria-label="Picture">
      <div class="frame">
        ${
          hasPreview
            ? html`<img
                src="/pictures/${id}/preview"
                alt="The picture that was read"
                width="${width}"
                height="${height}"
              />`
            : html`<svg class="blank" viewBox="0 0 ${width} ${height}" aria-hidden="true"></svg>`
        }
        <svg
          class="boxes"
          viewBox="0 0 ${width} ${height}"
          preserveAspectRatio="none"
          role="group"
          aria-label="Boxes of the lines"
        >
          ${lines.map(boxOf)}
        </svg>
      </div>
    </div>
    ${hasPreview ? '' : html`<figcaption class="quiet">No picture is kept of it; these are the places of its lines.</figcaption>`}
  </figure>`;
}

function boxOf({ number, confidence, box }: ShownLine): Markup {
  const corners = box.map(([x, y]) => `${x},${y}`).join(' ');
  return html`<a
    id="box-${number}"
    data-box="${number}"
    data-level="${levelOf(confidence)}"
    href="#line-${number}"
    aria-label="Line ${number}, ${percent(confidence)}"
    ><polygon points="${corners}"
  /></a>`;
}
