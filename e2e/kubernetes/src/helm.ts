import { fileURLToPath } from 'node:url';
import { command } from '../../src/command.ts';

export interface HelmOptions {
  readonly program: string;
  readonly kubeconfig: string;
  readonly namespace: string;
  readonly release: string;
  /** For its caches. */
  readonly folder: string;
}

const chart = fileURLToPath(new URL('../../../charts/glyphmill', import.meta.url));

/** Value files, by path, and what comes on top of them. */
export interface ReleaseValues {
  readonly files: readonly string[];
  readonly set?: Readonly<Record<string, string>>;
}

/** One release of this checkout's chart. Every verb rejects with what helm has said. */
export class Helm {
  readonly #options: HelmOptions;

  constructor(options: HelmOptions) {
    this.#options = options;
  }

  install(values: ReleaseValues): Promise<string> {
    return this.#run('install', [this.#options.release, chart, '--wait', '--timeout=8m', ...toArguments(values)]);
  }

  upgrade(values: ReleaseValues): Promise<string> {
    return this.#run('upgrade', [this.#options.release, chart, '--wait', '--timeout=8m', ...toArguments(values)]);
  }

  test(): Promise<string> {
    return this.#run('test', [this.#options.release, '--timeout=5m']);
  }

  uninstall(): Promise<string> {
    return this.#run('uninstall', [this.#options.release, '--wait', '--timeout=5m']);
  }

  #run(verb: string, args: readonly string[]): Promise<string> {
    const { program, kubeconfig, namespace, folder } = this.#options;
    const env = {
      KUBECONFIG: kubeconfig,
      HELM_NAMESPACE: namespace,
      HELM_CACHE_HOME: `${folder}/cache`,
      HELM_CONFIG_HOME: `${folder}/config`,
      HELM_DATA_HOME: `${folder}/data`,
    };
    return command(program, [verb, ...args], { env });
  }
}

function toArguments({ files, set = {} }: ReleaseValues): string[] {
  return [
    ...files.map((file) => `--values=${file}`),
    ...Object.entries(set).map(([key, value]) => `--set=${key}=${value}`),
  ];
}
