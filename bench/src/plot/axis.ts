/** About as many steps as an axis is divided into. */
const steps = 4;

/** Round numbers from 0 up to at least `max`, a multiple of `unit` apart; of any size if it is 0. */
export function ticksUpTo(max: number, unit = 0): number[] {
  if (!(max > 0)) return [0, 1];
  const rough = Math.max(max / steps, unit);
  const magnitude = 10 ** Math.floor(Math.log10(rough));
  const candidates = [1, 2, 2.5, 5, 10].map((factor) => factor * magnitude);
  const step = candidates.find((size) => size >= rough && (unit === 0 || size % unit === 0)) ?? 10 * magnitude;
  return Array.from({ length: Math.ceil(max / step - 1e-9) + 1 }, (_, index) => Number((index * step).toPrecision(12)));
}

/** Round numbers from at most `min` up to at least `max`: for scales that need not begin at 0. */
export function ticksBetween(min: number, max: number): number[] {
  const spread = Math.max(max - min, Math.abs(max) * 1e-3, 1e-9);
  const [, step = 1] = ticksUpTo(spread);
  const first = Math.floor(min / step + 1e-9);
  const count = Math.max(Math.ceil(max / step - 1e-9), first + 1) - first;
  return Array.from({ length: count + 1 }, (_, index) => Number(((first + index) * step).toPrecision(12)));
}

/** Times of day are read in other steps: 1 min, 5 min, 1 h … */
const timeSteps = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400];

export function timeTicksUpTo(seconds: number, count = 10): number[] {
  const step = timeSteps.find((candidate) => candidate * count >= seconds) ?? 86_400;
  return Array.from({ length: Math.floor(seconds / step + 1e-9) + 1 }, (_, index) => index * step);
}

/** `90 s`, `5 min`, `2 h`, in the largest unit in which all ticks are whole. */
export function timeLabels(ticks: readonly number[]): string[] {
  const units = [
    ['h', 3600],
    ['min', 60],
    ['s', 1],
  ] as const;
  const [unit, seconds] = units.find(([, size]) => ticks.every((tick) => tick % size === 0)) ?? ['s', 1];
  return ticks.map((tick) => (tick === 0 ? '0' : `${tick / seconds} ${unit}`));
}

export function numberLabel(value: number): string {
  return value >= 10_000 ? `${value / 1000}k` : String(value);
}
