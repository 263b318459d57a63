import type { AllInOneSettings } from './all-in-one-settings.ts';
import { claimPort } from './probes.ts';
import { StartError } from './start-error.ts';

export interface Ports {
  readonly api: number;
  readonly apiOps: number;
  readonly workerOps: number;
}

/** Ports that are free at this moment; throws StartError naming the setting that moves one that is taken. */
export async function choosePorts({ HOST: host, PORT, OPS_PORT }: AllInOneSettings): Promise<Ports> {
  const claim = async (port: number, setting: string, use: string): Promise<number> => {
    try {
      return await claimPort({ host, port });
    } catch (error) {
      throw new StartError(explain(error, { host, port, setting, use }), { cause: error });
    }
  };
  const api = await claim(PORT, `PORT=${PORT + 1}`, 'the API');
  const opsSetting = `OPS_PORT=${OPS_PORT + 10}`;
  const apiOps = await claim(OPS_PORT, opsSetting, "the API's health and metrics");
  const workerOps = await claim(OPS_PORT === 0 ? 0 : OPS_PORT + 1, opsSetting, "the worker's health and metrics");
  return { api, apiOps, workerOps };
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
