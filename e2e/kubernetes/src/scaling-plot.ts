import type { Moment } from './scaling-timeline.ts';

export interface PlotOptions {
  readonly title: string;
  readonly moments: readonly Moment[];
  /** Moments that have a name. */
  readonly marks: readonly { readonly seconds: number; readonly label: string }[];
}

interface Curve {
  readonly label: string;
  readonly color: string;
  readonly value: (moment: Moment) => number | undefined;
  /** Whole numbers that jump; otherwise values are joined. */
  readonly shape: 'steps' | 'line';
  readonly dash?: string;
}

interface Panel {
  readonly label: string;
  readonly curves: readonly Curve[];
}

const panels: readonly Panel[] = [
  {
    label: 'jobs',
    curves: [
      { label: 'accepted, not ended', color: '#9467bd', value: ({ unfinished }) => unfinished, shape: 'line' },
      {
        label: 'load that the autoscaler sees',
        color: '#d62728',
        value: ({ load }) => load,
        shape: 'line',
        dash: '5 3',
      },
    ],
  },
  {
    label: 'workers',
    curves: [
      { label: 'wanted', color: '#ff7f0e', value: ({ desired }) => desired, shape: 'steps', dash: '5 3' },
      { label: 'ready', color: '#1f77b4', value: ({ ready }) => ready, shape: 'steps' },
      { label: 'ending', color: '#7f7f7f', value: ({ ending }) => ending, shape: 'steps', dash: '2 2' },
    ],
  },
  {
    label: 'jobs',
    curves: [{ label: 'finished', color: '#2ca02c', value: ({ finished }) => finished, shape: 'line' }],
  },
];

/** Pixels. */
const frame = { width: 860, left: 60, right: 20, top: 50, panelHeight: 150, gap: 34, bottom: 20 };
const plotWidth = frame.width - frame.left - frame.right;

/** What the timeline shows, as an SVG: the queue above, the workers in the middle, what they have done below. */
export function drawTimeline({ title, moments, marks }: PlotOptions): string {
  const end = Math.max(1, ...moments.map(({ seconds }) => seconds));
  const toX = (seconds: number): number => round(frame.left + (seconds / end) * plotWidth);
  const height = frame.top + panels.length * (frame.panelHeight + frame.gap) + frame.bottom;
  const body = panels.map((panel, index) => {
    const top = frame.top + index * (frame.panelHeight + frame.gap);
    return drawPanel({ panel, moments, toX, top, seconds: ticksUpTo(end, 10).slice(0, -1) });
  });
  const bottom = height - frame.bottom - frame.gap;
  const lines = marks.map(({ seconds, label }) => {
    const x = toX(seconds);
    const [anchor, textX] = seconds > end / 2 ? ['end', x - 3] : ['start', x + 3];
    return (
      `<path d="M${x} ${frame.top}V${bottom}" stroke="#bbb" stroke-dasharray="3 3"/>` +
      `<text x="${textX}" y="${frame.top - 6}" text-anchor="${anchor}" fill="#666">${escape(label)}</text>`
    );
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${frame.width} ${height}" font-family="sans-serif" font-size="11">`,
    `<title>${escape(title)}</title>`,
    '<rect width="100%" height="100%" fill="#fff"/>',
    `<text x="${frame.left}" y="20" font-size="14" fill="#222">${escape(title)}</text>`,
    ...body,
    ...lines,
    `<text x="${frame.left + plotWidth / 2}" y="${height - 18}" text-anchor="middle" fill="#444">seconds</text>`,
    '</svg>',
    '',
  ].join('\n');
}

interface PanelOptions {
  readonly panel: Panel;
  readonly moments: readonly Moment[];
  readonly toX: (seconds: number) => number;
  readonly top: number;
  /** Ticks of the time. */
  readonly seconds: readonly number[];
}

function drawPanel({ panel, moments, toX, top, seconds }: PanelOptions): string {
  const values = panel.curves.flatMap(({ value }) => moments.map((moment) => value(moment) ?? 0));
  const ticks = ticksUpTo(Math.max(1, ...values), 5);
  const highest = ticks.at(-1)!;
  const bottom = top + frame.panelHeight;
  const toY = (value: number): number => round(bottom - (value / highest) * frame.panelHeight);
  const grid = ticks.map(
    (tick) =>
      `<path d="M${frame.left} ${toY(tick)}h${plotWidth}" stroke="#eee"/>` +
      `<text x="${frame.left - 6}" y="${toY(tick) + 4}" text-anchor="end" fill="#444">${tick}</text>`,
  );
  const times = seconds.map(
    (second) => `<text x="${toX(second)}" y="${bottom + 14}" text-anchor="middle" fill="#444">${second}</text>`,
  );
  const curves = panel.curves.map((curve) => {
    const dash = curve.dash === undefined ? '' : ` stroke-dasharray="${curve.dash}"`;
    const path = tracePath(curve, moments, { toX, toY });
    return `<path d="${path}" fill="none" stroke="${curve.color}" stroke-width="1.6"${dash}/>`;
  });
  const legend = panel.curves.map(
    ({ label, color }, index) =>
      `<text x="${frame.left + plotWidth - 6}" y="${top + 14 + 14 * index}" text-anchor="end" fill="${color}">${label}</text>`,
  );
  const axis = `<path d="M${frame.left} ${top}V${bottom}h${plotWidth}" fill="none" stroke="#444"/>`;
  const name = `<text x="14" y="${top + frame.panelHeight / 2}" fill="#444" transform="rotate(-90 14 ${top + frame.panelHeight / 2})" text-anchor="middle">${panel.label}</text>`;
  return [...grid, axis, name, ...times, ...curves, ...legend].join('\n');
}

interface Scales {
  readonly toX: (seconds: number) => number;
  readonly toY: (value: number) => number;
}

/** Where nothing is known, the curve has a gap. */
function tracePath(curve: Curve, moments: readonly Moment[], { toX, toY }: Scales): string {
  let isDrawing = false;
  let path = '';
  for (const moment of moments) {
    const value = curve.value(moment);
    const [x, y] = [toX(moment.seconds), toY(value ?? 0)];
    if (value === undefined) isDrawing = false;
    else if (!isDrawing) {
      path += `M${x} ${y}`;
      isDrawing = true;
    } else path += curve.shape === 'steps' ? `H${x}V${y}` : `L${x} ${y}`;
  }
  return path;
}

/** Round numbers from 0 to the first that is not below `highest`, in about so many steps. */
function ticksUpTo(highest: number, steps: number): number[] {
  const rough = highest / steps;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = Math.max(1, power * ([1, 2, 5, 10].find((factor) => factor * power >= rough) ?? 10));
  return Array.from({ length: Math.ceil(highest / step) + 1 }, (_, index) => index * step);
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
}
