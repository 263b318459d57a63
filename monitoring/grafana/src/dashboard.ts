import { datasource, type Panel } from './panel.ts';

export interface DashboardOptions {
  /** Part of its address, which never changes. */
  readonly uid: string;
  readonly title: string;
  readonly description: string;
  readonly rows: readonly Row[];
}

export interface Row {
  readonly title: string;
  readonly panels: readonly Panel[];
}

export interface Dashboard {
  readonly uid: string;
  readonly title: string;
  readonly panels: readonly PlacedPanel[];
  readonly [member: string]: unknown;
}

export type PlacedPanel = Readonly<Record<string, unknown>> & { readonly title: string } & Partial<
    Pick<Panel, 'targets' | 'description'>
  >;

const pageWidth = 24;

/** As Grafana's provisioning reads it. */
export function dashboard({ uid, title, description, rows }: DashboardOptions): Dashboard {
  return {
    uid,
    title,
    description,
    tags: ['glyphmill'],
    editable: false,
    graphTooltip: 1,
    links: [
      {
        type: 'dashboards',
        title: 'Glyphmill',
        tags: ['glyphmill'],
        asDropdown: false,
        includeVars: true,
        keepTime: true,
      },
    ],
    panels: placeRows(rows),
    refresh: '30s',
    schemaVersion: 39,
    templating: { list: [chosenDatasource, ...['namespace', 'pod'].map(chosenLabel)] },
    time: { from: 'now-1h', to: 'now' },
    timezone: 'browser',
  };
}

/** From left to right, and further down where the page's width is used up. */
function placeRows(rows: readonly Row[]): PlacedPanel[] {
  const placed: PlacedPanel[] = [];
  let y = 0;
  for (const { title, panels } of rows) {
    placed.push({
      id: placed.length + 1,
      type: 'row',
      title,
      collapsed: false,
      panels: [],
      gridPos: place(0, y, pageWidth, 1),
    });
    y += 1;
    let x = 0;
    let lineHeight = 0;
    for (const { width, height, ...panel } of panels) {
      if (x + width > pageWidth) {
        y += lineHeight;
        x = 0;
        lineHeight = 0;
      }
      placed.push({ id: placed.length + 1, ...panel, gridPos: place(x, y, width, height) });
      x += width;
      lineHeight = Math.max(lineHeight, height);
    }
    y += lineHeight;
  }
  return placed;
}

function place(x: number, y: number, w: number, h: number) {
  return { x, y, w, h };
}

const chosenDatasource = {
  name: 'datasource',
  label: 'Prometheus',
  type: 'datasource',
  query: 'prometheus',
  current: {},
  hide: 0,
};

/** `All` is anything, also no such label: outside of Kubernetes there is neither namespace nor pod. */
function chosenLabel(name: string) {
  const query = `label_values(glyphmill_build_info, ${name})`;
  return {
    name,
    label: name === 'pod' ? 'Pod' : 'Namespace',
    type: 'query',
    datasource,
    definition: query,
    query: { query, refId: name },
    includeAll: true,
    multi: true,
    allValue: '.*',
    current: { text: 'All', value: '$__all' },
    refresh: 2,
    sort: 1,
    hide: 0,
  };
}
