import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseAllDocuments } from 'yaml';
import type { ChartPrograms } from './chart-programs.ts';
import { outputOf } from './run-program.ts';

export const chart = fileURLToPath(new URL('../../../charts/glyphmill', import.meta.url));
export const chartTests = join(chart, 'tests');

/** The oldest cluster that the chart is for, and the newest that its tests know. */
export const kubernetesVersions = ['1.33.0', '1.37.0'] as const;

export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly annotations?: Readonly<Record<string, string>> };
  // Whatever else there is depends on the kind.
  // oxlint-disable-next-line typescript/no-explicit-any
  readonly [key: string]: any;
}

export interface RenderOptions {
  readonly programs: Pick<ChartPrograms, 'helm'>;
  /** Another copy of the chart. */
  readonly from?: string;
  /** Files of values, the last one counts most. */
  readonly values: readonly string[];
  readonly kubernetesVersion?: string | undefined;
}

export function renderChart({ programs, values, kubernetesVersion }: RenderOptions): Promise<string> {
  return outputOf(programs.helm, renderArguments({ values, kubernetesVersion }));
}

export function renderArguments({
  from = chart,
  values,
  kubernetesVersion,
}: Omit<RenderOptions, 'programs'>): string[] {
  const version = kubernetesVersion ?? kubernetesVersions[1];
  return [
    'template',
    'ocr',
    from,
    '--namespace',
    'reading',
    '--kube-version',
    version,
    ...values.flatMap((file) => ['--values', file]),
  ];
}

export function manifestsOf(rendered: string): Manifest[] {
  return parseAllDocuments(rendered)
    .map((document): unknown => document.toJS())
    .filter((manifest) => manifest !== null) as Manifest[];
}
