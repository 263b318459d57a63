/** What a panel asks Prometheus, and how its lines are called: {{label}} stands for a label's value. */
export interface Query {
  readonly expr: string;
  readonly legend: string;
}

export interface PanelOptions {
  readonly title: string;
  /** For whoever holds the mouse over it: what the numbers mean, and which are bad. */
  readonly description: string;
  readonly queries: readonly Query[];
  /** Grafana's name of it, such as `s`, `bytes`, `percentunit`; a plain number if not said. */
  readonly unit?: string;
  /** Of 24; a third of the page if not said. */
  readonly width?: number;
  readonly height?: number;
  /** Lines on top of one another, for parts of a whole. */
  readonly layout?: 'lines' | 'stacked';
  /** From which number on it is drawn in which color; the first one begins at the bottom. */
  readonly steps?: readonly Step[];
  readonly min?: number;
  readonly max?: number;
  readonly decimals?: number;
}

export interface Step {
  readonly from: number | null;
  readonly color: 'green' | 'orange' | 'red' | 'blue';
}

/** As Grafana's JSON has it, but for its place on the page, which dashboard.ts gives it. */
export interface Panel {
  readonly type: 'timeseries' | 'stat';
  readonly title: string;
  readonly description: string;
  readonly targets: readonly Target[];
  readonly width: number;
  readonly height: number;
  readonly [member: string]: unknown;
}

export interface Target {
  readonly refId: string;
  readonly expr: string;
  readonly legendFormat: string;
  readonly [member: string]: unknown;
}

export const datasource = { type: 'prometheus', uid: '${datasource}' } as const;

/** Of the queries of a panel, as Grafana names them. */
const refIds = 'ABCDEFGH';
const good: readonly Step[] = [{ from: null, color: 'green' }];

/** Numbers over time. */
export function timeSeries(options: PanelOptions): Panel {
  const isStacked = options.layout === 'stacked';
  return {
    ...panel('timeseries', { width: 8, height: 8, ...options }),
    fieldConfig: {
      defaults: {
        ...valuesOf(options),
        color: { mode: 'palette-classic' },
        custom: {
          drawStyle: 'line',
          lineWidth: 1,
          fillOpacity: isStacked ? 40 : 10,
          showPoints: 'never',
          spanNulls: false,
          stacking: { mode: isStacked ? 'normal' : 'none', group: 'A' },
          thresholdsStyle: { mode: options.steps === undefined ? 'off' : 'line' },
        },
      },
      overrides: [],
    },
    options: {
      legend: { displayMode: 'list', placement: 'bottom', showLegend: true },
      tooltip: { mode: 'multi', sort: 'desc' },
    },
  };
}

/** The last number, large. */
export function stat(options: PanelOptions): Panel {
  return {
    ...panel('stat', { width: 4, height: 4, ...options }),
    fieldConfig: { defaults: { ...valuesOf(options), color: { mode: 'thresholds' } }, overrides: [] },
    options: {
      colorMode: 'value',
      graphMode: 'none',
      justifyMode: 'auto',
      orientation: 'auto',
      textMode: 'auto',
      reduceOptions: { calcs: ['lastNotNull'], fields: '', values: false },
    },
  };
}

function panel(
  type: Panel['type'],
  { title, description, queries, width, height }: PanelOptions & Pick<Panel, 'width' | 'height'>,
): Panel {
  const targets = queries.map(({ expr, legend }, index) => ({
    refId: refIds.charAt(index),
    datasource,
    editorMode: 'code',
    expr,
    legendFormat: legend,
    range: true,
    instant: false,
  }));
  return { type, title, description, datasource, targets, width, height };
}

function valuesOf({ unit = 'short', steps = good, min = 0, max, decimals }: PanelOptions) {
  return {
    unit,
    min,
    ...(max !== undefined && { max }),
    ...(decimals !== undefined && { decimals }),
    thresholds: { mode: 'absolute', steps: steps.map(({ from, color }) => ({ value: from, color })) },
  };
}
