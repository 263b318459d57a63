import type { AllInOneSettings } from './all-in-one-settings.ts';
import type { ServiceName } from './child-environments.ts';
import { claimPort } from './probes.ts';
import { StartError } from './start-error.ts';

export interface Ports {
  readonly api: number;
  readonly web: number;
  /** Of health and metrics. */
  readonly ops: Readonly<Record<ServiceName, number>>;
}

const largestPort = 65_535;

/** Whose health and metrics are behind OPS_PORT and the ports after it. */
const opsOwners = [
  ['api', "the API's"],
  ['worker', "the worker's"],
  ['ingest', "the folder watcher's"],
  ['web', "the page's"],
] as const satisfies readonly (readonly [ServiceName, string])[];

type PortSettings = Pick<AllInOneSettings, 'HOST' | 'PORT' | 'WEB_PORT' | 'OPS_PORT'>;
type PortNumbers = Omit<PortSettings, 'HOST'>;
type PortSetting = keyof PortNumbers;

/** Something of ours that listens. */
interface Listener {
  readonly setting: PortSetting;
  readonly use: string;
  /** 0 lets the system pick one. */
  readonly port: number;
}

/**
 * Ports that are free at this moment and differ from each other; throws StartError naming the setting that moves one
 * that is taken, or that another one of ours needs.
 */
export async function choosePorts({ HOST: host, ...wanted }: PortSettings): Promise<Ports> {
  checkApart(wanted);
  const listeners = listenersOf(wanted);
  const chosen = new Set(listeners.map(({ port }) => port));
  const claimed: number[] = [];
  for (const { setting, use, port } of listeners) {
    try {
      let free = await claimPort({ host, port });
      // The system may pick one that is meant for another of ours and not listened on yet.
      while (port === 0 && chosen.has(free)) free = await claimPort({ host, port });
      chosen.add(free);
      claimed.push(free);
    } catch (error) {
      const advice = `${setting}=${another(setting, wanted)}`;
      throw new StartError(explain(error, { host, port, setting: advice, use }), { cause: error });
    }
  }
  const [api = 0, web = 0, ...ops] = claimed;
  const opsPorts = Object.fromEntries(opsOwners.map(([name], index) => [name, ops[index]])) as Ports['ops'];
  return { api, web, ops: opsPorts };
}

function listenersOf({ PORT, WEB_PORT, OPS_PORT }: PortNumbers): Listener[] {
  return [
    { setting: 'PORT', use: 'the API', port: PORT },
    { setting: 'WEB_PORT', use: 'the page', port: WEB_PORT },
    ...opsOwners.map(([, whose], index) => ({
      setting: 'OPS_PORT' as const,
      use: `${whose} health and metrics`,
      port: OPS_PORT === 0 ? 0 : OPS_PORT + index,
    })),
  ];
}

/** The first of ours that is meant for the port of one before it. */
function findClash(wanted: PortNumbers): { readonly one: Listener; readonly other: Listener } | undefined {
  const listeners = listenersOf(wanted);
  for (const [index, other] of listeners.entries()) {
    const one = listeners.slice(0, index).find(({ port }) => port !== 0 && port === other.port);
    if (one !== undefined) return { one, other };
  }
  return undefined;
}

function checkApart(wanted: PortNumbers): void {
  const last = wanted.OPS_PORT + opsOwners.length - 1;
  if (last > largestPort) {
    throw new StartError(
      `OPS_PORT=${wanted.OPS_PORT} leaves no room for all health and metrics, which take ${opsOwners.length} ports in a row.\nChoose another one: OPS_PORT=${another('OPS_PORT', wanted)} npm start`,
    );
  }
  const clash = findClash(wanted);
  if (clash === undefined) return;
  const { one, other } = clash;
  const [first, second] = [one, other].map(({ setting }) =>
    setting === 'OPS_PORT'
      ? `OPS_PORT=${wanted.OPS_PORT}, which takes all up to ${last}`
      : `${setting}=${wanted[setting]}`,
  );
  throw new StartError(
    `Port ${one.port} is meant for ${one.use} (${first}) and for ${other.use} (${second}).\nChoose another one: ${one.setting}=${another(one.setting, wanted)} npm start`,
  );
}

/** The next one that clashes with nothing, or below where there is none above. */
function another(setting: PortSetting, wanted: PortNumbers): number {
  const steps = setting === 'OPS_PORT' ? [10, 20, -10, -20] : [1, 2, 3, 4, 5, 6, -1, -2, -3, -4, -5, -6];
  const room = setting === 'OPS_PORT' ? opsOwners.length : 1;
  const candidates = steps.map((step) => wanted[setting] + step);
  return (
    candidates.find(
      (port) => port + room - 1 <= largestPort && findClash({ ...wanted, [setting]: port }) === undefined,
    ) ?? 0
  );
}

interface Claim {
  readonly host: string;
  readonly port: number;
  readonly setting: string;
  readonly use: string;
}

function explain(error: unknown, { host, port, setting, use }: Claim): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  switch (code) {
    case 'EADDRINUSE':
      return `Port ${port} on ${host}, meant for ${use}, is taken by another program.\nChoose another one: ${setting} npm start`;
    case 'EACCES':
      return `Port ${port}, meant for ${use}, is reserved for the system's administrator.\nChoose another one: ${setting} npm start`;
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return `This machine has no address ${host}, which HOST names. HOST=127.0.0.1 is reachable from here only, HOST=0.0.0.0 from everywhere.`;
    default:
      return `Port ${port} on ${host}, meant for ${use}, cannot be used (${code}). ${setting} changes it.`;
  }
}
