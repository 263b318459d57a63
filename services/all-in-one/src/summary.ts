import type { AllInOneSettings } from './all-in-one-settings.ts';
import type { Ports } from './ports.ts';
import { reachableHost } from './service-plans.ts';

export interface SummaryInput {
  readonly settings: AllInOneSettings;
  readonly ports: Ports;
  readonly dataFolder: string;
  readonly engineProcesses: string;
}

/** What is where, for whoever has just typed `npm start`. */
export function summarize({ settings, ports, dataFolder, engineProcesses }: SummaryInput): string {
  const host = reachableHost(settings.HOST);
  const api = `http://${host}:${ports.api}`;
  const protectedBy = settings.BASIC_AUTH_USERNAME === undefined ? undefined : settings.BASIC_AUTH_USERNAME;
  const login = protectedBy === undefined ? '' : ` -u ${protectedBy}`;
  const rows = [
    ['API', `${api}/analyze`],
    ['Try it out', `${api}/docs`],
    ['Health', `http://${host}:${ports.apiOps}/readyz (API), http://${host}:${ports.workerOps}/readyz (worker)`],
    ['Model', `${settings.MODEL}, engine processes: ${engineProcesses}`],
    ['Data folder', dataFolder],
    ['Queue', settings.REDIS_URL === undefined ? 'a Redis of its own, nothing on disk' : 'the Redis at REDIS_URL'],
    ['Password', protectedBy === undefined ? 'none (BASIC_AUTH_USERNAME and BASIC_AUTH_PASSWORD set one)' : 'needed'],
  ] as const;
  return `
Glyphmill is ready.

${rows.map(([name, value]) => `  ${name.padEnd(12)} ${value}`).join('\n')}

Read a sample, from another terminal in this folder:

  echo "{\\"image_url\\":\\"data:image/png;base64,$(base64 < packages/ocr/samples/gift-card.png | tr -d '\\n')\\"}" |
    curl -s${login} ${api}/analyze -H 'content-type: application/json' -d @-

Ctrl-C stops it. docs/configuration.md lists the settings.

`;
}
