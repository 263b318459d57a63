import type { AllInOneSettings } from './all-in-one-settings.ts';
import { claimPort } from './probes.ts';
import { StartError } from './start-error.ts';

export interface Ports {
  readonly api: number;
  readonly apiOps: number;
  readonly workerOps: number;
}

const largestPort = 65_535;

/**
 * Ports that are free at this moment and differ from each other; throws StartError naming the setting that moves one
 * that is taken, or that another one of ours needs.
 */
export async function choosePorts({ HOST: host, PORT, OPS_PORT }: PortSettings): Promise<Ports> {
  checkApart({ PORT, OPS_PORT });
  const chosen = new Set([PORT, ...opsPorts(OPS_PORT)]);
  const claim = async (port: number, setting: string, use: string): Promise<number> => {
    try {
      let claimed = await claimPort({ host, port });
      // The system may pick one that is meant for another of ours and not listened on yet.
      while (port === 0 && chosen.has(claimed)) claimed = await claimPort({ host, port });
      chosen.add(claimed);
      return claimed;
    } catch (error) {
      throw new StartError(explain(error, { host, port, setting, use }), { cause: error });
    }
  };
  const api = await claim(PORT, `PORT=${otherPort({ PORT, OPS_PORT })}`, 'the API');
  const opsSetting = `OPS_PORT=${otherOpsPort({ PORT, OPS_PORT })}`;
  const [ofApi, ofWorker] = opsPorts(OPS_PORT);
  const apiOps = await claim(ofApi, opsSetting, "the API's health and metrics");
  const workerOps = await claim(ofWorker, opsSetting, "the worker's health and metrics");
  return { api, apiOps, workerOps };
}

type PortSettings = Pick<AllInOneSettings, 'HOST' | 'PORT' | 'OPS_PORT'>;
type PortNumbers = Pick<PortSettings, 'PORT' | 'OPS_PORT'>;

/** The API's and, after it, the worker's; 0 lets the system pick both. */
function opsPorts(opsPort: number): [number, number] {
  return opsPort === 0 ? [0, 0] : [opsPort, opsPort + 1];
}

function areApart({ PORT, OPS_PORT }: PortNumbers): boolean {
  return PORT === 0 || !opsPorts(OPS_PORT).includes(PORT);
}

function checkApart(ports: PortNumbers): void {
  const { PORT, OPS_PORT } = ports;
  if (OPS_PORT === largestPort) {
    throw new StartError(
      `OPS_PORT=${OPS_PORT} leaves no room for the worker's health and metrics, which take the port after it.\nChoose another one: OPS_PORT=${otherOpsPort(ports)} npm start`,
    );
  }
  if (areApart(ports)) return;
  const use = PORT === OPS_PORT ? "the API's" : "the worker's";
  throw new StartError(
    `Port ${PORT} is meant for the API (PORT=${PORT}) and for ${use} health and metrics (OPS_PORT=${OPS_PORT}, which takes ${OPS_PORT} and ${OPS_PORT + 1}).\nChoose another one: PORT=${otherPort(ports)} npm start`,
  );
}

/** The next one that OPS_PORT leaves free, or below where there is none above. */
function otherPort({ PORT, OPS_PORT }: PortNumbers): number {
  const candidates = [1, 2, 3, -1, -2, -3].map((step) => PORT + step);
  return candidates.find((port) => port <= largestPort && areApart({ PORT: port, OPS_PORT })) ?? 0;
}

/** One that keeps clear of PORT, with room for the worker's. */
function otherOpsPort({ PORT, OPS_PORT }: PortNumbers): number {
  const candidates = [10, 20, -10, -20].map((step) => OPS_PORT + step);
  return candidates.find((port) => port < largestPort && areApart({ PORT, OPS_PORT: port })) ?? 0;
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
