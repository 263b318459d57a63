import { fileURLToPath } from 'node:url';
import type { AllInOneSettings } from './all-in-one-settings.ts';
import { childEnvironment, type Environment, type ServiceName } from './child-environments.ts';
import type { ProcessPlan } from './managed-process.ts';
import type { Ports } from './ports.ts';
import { httpReady } from './probes.ts';

/** What each service is started from. Tests put stand-ins here. */
export type Programs = Readonly<Record<ServiceName, string>>;

export const servicePrograms: Programs = {
  worker: fileURLToPath(new URL('../../worker/src/main.ts', import.meta.url)),
  api: fileURLToPath(new URL('../../api/src/main.ts', import.meta.url)),
  ingest: fileURLToPath(new URL('../../ingest/src/main.ts', import.meta.url)),
  web: fileURLToPath(new URL('../../web/src/main.ts', import.meta.url)),
};

interface ServicePlansOptions {
  readonly programs: Programs;
  readonly settings: AllInOneSettings;
  readonly env: Environment;
  readonly ports: Ports;
  readonly redisUrl: string;
  /** Where the database is, unless DATABASE_URL says otherwise, and the uploads. */
  readonly dataFolder: string;
}

/**
 * Worker first: whoever reaches the API finds somebody who works, and what the inbox holds is read from the start. Stopped
 * in reverse, so that the API's last callers get their answers.
 */
const startOrder = ['worker', 'api', 'ingest', 'web'] as const satisfies readonly ServiceName[];

export function servicePlans({
  programs,
  settings,
  env,
  ports,
  redisUrl,
  dataFolder,
}: ServicePlansOptions): ProcessPlan[] {
  const { HOST, DRAIN_GRACE_MS } = settings;
  return startOrder.map((name) => ({
    name,
    command: [process.execPath, programs[name]],
    env: childEnvironment(name, env, {
      HOST,
      PORT: String(ports.api),
      WEB_PORT: String(ports.web),
      OPS_PORT: String(ports.ops[name]),
      REDIS_URL: redisUrl,
      DATA_DIR: dataFolder,
    }),
    ready: () => httpReady(`http://${reachableHost(HOST)}:${ports.ops[name]}/readyz`),
    readyTimeoutMs: 120_000,
    // A little more than the service gives itself, so that it can say what it left unfinished.
    stopGraceMs: DRAIN_GRACE_MS + 5_000,
  }));
}

/** Where a service that listens on `host` is found from this machine, as it stands in a URL. */
export function reachableHost(host: string): string {
  if (host === '0.0.0.0' || host === '::' || host === '') return '127.0.0.1';
  return host.includes(':') ? `[${host}]` : host;
}
