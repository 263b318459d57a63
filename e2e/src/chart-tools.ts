import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Not in the repository: what the chart's tests build or fetch once. */
export const cacheFolder = fileURLToPath(new URL('../artifacts/chart', import.meta.url));
export const builtPrograms = join(cacheFolder, 'bin');

/** Built from source where they are not installed: no system's package manager has both. */
export const goPackages = {
  helm: 'helm.sh/helm/v3/cmd/helm@v3.22.0',
  kubeconform: 'github.com/yannh/kubeconform/cmd/kubeconform@v0.8.0',
} as const;
