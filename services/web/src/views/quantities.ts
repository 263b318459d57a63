import { html, type Markup } from './markup.ts';

/** In the server's zone (TZ); the page's script writes them anew in the reader's own way. */
const readable = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'short' });

/** A time in milliseconds since the epoch. */
export function moment(ms: number): Markup {
  const date = new Date(ms);
  return html`<time datetime="${date.toISOString()}">${readable.format(date)}</time>`;
}

const steps = [
  [86_400_000, 'd'],
  [3_600_000, 'h'],
  [60_000, 'min'],
  [1_000, 's'],
] as const;

/** `3 min 20 s`: the two largest units that count. */
export function duration(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  const parts: string[] = [];
  let left = ms;
  for (const [size, unit] of steps) {
    const whole = Math.floor(left / size);
    left -= whole * size;
    if (whole > 0) parts.push(`${whole} ${unit}`);
    else if (parts.length > 0) break;
    if (parts.length === 2) break;
  }
  return parts.join(' ');
}

const sizes = ['bytes', 'kB', 'MB', 'GB', 'TB'] as const;

export function byteSize(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < sizes.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${sizes[unit]}`;
}

const grouped = new Intl.NumberFormat('en-US');

export function counted(value: number, one: string, many: string): string {
  return `${grouped.format(value)} ${value === 1 ? one : many}`;
}

export function amount(value: number): string {
  return grouped.format(value);
}
