/** Told apart by most color-blind people (Okabe and Ito). */
const colors = ['#0072b2', '#d55e00', '#009e73', '#cc79a7'];

export function colorOf(index: number): string {
  return colors[index % colors.length] ?? '#000';
}

/** There is no measuring of text here; letters of 11 pixels are about so wide. */
export const letterWidth = 5.8;

/**
 * Turns the colors around where the reader's surroundings are dark. Rules win over attributes, so that programs that know
 * no style sheets still draw black on white.
 */
export const darkStyle = [
  '<style>@media (prefers-color-scheme: dark) {',
  'svg { fill: #d0d7de }',
  '[fill="#fff"] { fill: #0d1117 }',
  '[stroke="#fff"] { stroke: #0d1117 }',
  '[stroke="#ddd"], [stroke="#eee"] { stroke: #30363d }',
  '[stroke="#999"] { stroke: #6e7681 }',
  '[stroke="#333"] { stroke: #d0d7de }',
  '[fill="#0072b2"] { fill: #56b4e9 } [stroke="#0072b2"] { stroke: #56b4e9 }',
  '}</style>',
].join('\n');

export function line(
  [x1, y1, x2, y2]: readonly [number, number, number, number],
  stroke: string,
  dashes?: string,
): string {
  const dashed = dashes === undefined ? '' : ` stroke-dasharray="${dashes}"`;
  return `<line x1="${fixed(x1)}" y1="${fixed(y1)}" x2="${fixed(x2)}" y2="${fixed(y2)}" stroke="${stroke}"${dashed}/>`;
}

export interface TextPlace {
  readonly x: number;
  readonly y: number;
  readonly anchor: 'start' | 'middle' | 'end';
  readonly size?: number;
}

export function text(content: string, { x, y, anchor, size }: TextPlace): string {
  const fontSize = size === undefined ? '' : ` font-size="${size}"`;
  return `<text x="${fixed(x)}" y="${fixed(y)}" text-anchor="${anchor}"${fontSize}>${escape(content)}</text>`;
}

function escape(content: string): string {
  return content.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

/** A tenth of a pixel is enough, and keeps files small. */
export function fixed(value: number): string {
  return String(Math.round(value * 10) / 10);
}
