/** One line of an answer of /metrics. */
export interface Sample {
  /** Of the metric: without the endings that a histogram's series have. */
  readonly metric: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
  /** Name and labels, the bound of a histogram's bucket aside. */
  readonly series: string;
}

export interface Scrape {
  /** All metrics that are told of, with or without a sample. */
  readonly metrics: ReadonlySet<string>;
  readonly samples: readonly Sample[];
}

/** Reads Prometheus' text format as prom-client writes it. */
export function parseScrape(text: string): Scrape {
  const types = new Map([...text.matchAll(/^# TYPE (\w+) (\w+)$/gm)].map(([, name = '', type = '']) => [name, type]));
  const samples = text
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => parseSample(line, types));
  return { metrics: new Set(types.keys()), samples };
}

function parseSample(line: string, types: ReadonlyMap<string, string>): Sample {
  const [, name, text = '', value] = /^(\w+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
  if (name === undefined) throw new Error(`No sample: ${line}`);
  const labels = Object.fromEntries(
    [...text.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, label = '', content = '']) => [label, content]),
  );
  const base = name.replace(/_(bucket|sum|count)$/, '');
  const metric = types.get(base) === 'histogram' ? base : name;
  if (!types.has(metric)) throw new Error(`A sample of a metric without a type: ${line}`);
  const shown = Object.entries(labels).filter(([label]) => label !== 'le');
  const series = `${metric}{${shown
    .map((pair) => pair.join('='))
    .toSorted()
    .join(',')}}`;
  return { metric, labels, value: Number(value), series };
}
