import { accessSync, constants, mkdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { builtPrograms, goPackages } from '../../src/chart-tools.ts';
import { outputOf } from './run-program.ts';

export interface ChartPrograms {
  readonly helm: string;
  readonly kubeconform: string;
  readonly go: string;
}

/** Where they are, built first if need be; or why the chart's tests cannot be run here. HELM, KUBECONFORM and GO name others. */
export async function findChartPrograms(): Promise<ChartPrograms | string> {
  const go = process.env['GO'] ?? findProgram('go', ['/usr/local/go/bin', '/usr/lib/go/bin']);
  if (go === undefined) {
    return 'Go is missing, which builds helm and kubeconform and fetches the schemas of Kubernetes (https://go.dev/doc/install)';
  }
  try {
    const helm = process.env['HELM'] ?? findProgram('helm') ?? (await build(go, 'helm'));
    const kubeconform = process.env['KUBECONFORM'] ?? findProgram('kubeconform') ?? (await build(go, 'kubeconform'));
    return { helm, kubeconform, go };
  } catch (error) {
    return `helm or kubeconform could not be built: ${error instanceof Error ? error.message : 'unknown'}`;
  }
}

async function build(go: string, name: keyof typeof goPackages): Promise<string> {
  const built = findProgram(name, [builtPrograms], '');
  if (built !== undefined) return built;
  mkdirSync(builtPrograms, { recursive: true });
  console.log(`Building ${name} (${goPackages[name]}) …`);
  await outputOf(go, ['install', '-trimpath', '-ldflags=-s -w', goPackages[name]], { env: { GOBIN: builtPrograms } });
  return join(builtPrograms, name);
}

export function findProgram(
  name: string,
  moreFolders: readonly string[] = [],
  path = process.env['PATH'] ?? '',
): string | undefined {
  const folders = [...path.split(delimiter).filter((folder) => folder !== ''), ...moreFolders];
  return folders
    .map((folder) => join(folder, name))
    .find((file) => {
      try {
        accessSync(file, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}
