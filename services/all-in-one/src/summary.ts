import type { AllInOneSettings } from './all-in-one-settings.ts';
import type { Ports } from './ports.ts';
import { reachableHost } from './service-plans.ts';

export interface SummaryInput {
  readonly settings: AllInOneSettings;
  readonly ports: Ports;
  readonly dataFolder: string;
  readonly inbox: string;
  readonly engineProcesses: string;
}

/** What is where, for whoever has just typed `npm start`. */
export function summarize({ settings, ports, dataFolder, inbox, engineProcesses }: SummaryInput): string {
  const host = reachableHost(settings.HOST);
  const { ops } = ports;
  const api = `http://${host}:${ports.api}`;
  const protectedBy = settings.BASIC_AUTH_USERNAME === undefined ? undefined : settings.BASIC_AUTH_USERNAME;
  const login = protectedBy === undefined ? '' : ` -u ${protectedBy}`;
  const rows = [
    ['Page', `http://${host === '127.0.0.1' ? 'localhost' : host}:${ports.web} (what was read; search it)`],
    ['Inbox', `${inbox} (images that are put there are read)`],
    ['API', `${api}/analyze (answers at once), ${api}/jobs (keeps what it reads)`],
    ['Try it out', `${api}/docs`],
    ['Health', `http://${host}:${ops.api}/readyz (API); ${ops.worker} worker, ${ops.ingest} inbox, ${ops.web} page`],
    ['Model', `${settings.MODEL}, engine processes: ${engineProcesses}`],
    ['Data folder', dataFolder],
    ['Database', databaseName(settings.DATABASE_URL)],
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

/** Not the whole URL: it may hold a password. */
function databaseName(url: string | undefined): string {
  if (url === undefined) return 'ocr_data.db in the data folder';
  return url.startsWith('file:') ? url.slice('file:'.length) : 'the Postgres at DATABASE_URL';
}
