import { parseFlags, UsageError } from '../command-line.ts';

export const ingestActions = ['status', 'scan', 'pause', 'resume'] as const;
export type IngestAction = (typeof ingestActions)[number];

export type IngestRequest =
  | { readonly kind: 'help' }
  | {
      readonly kind: 'run';
      readonly action: IngestAction;
      /** Path of the control socket, where it was named. */
      readonly socket: string | undefined;
      readonly json: boolean;
    };

export const ingestUsage = `Usage: glyphmill ingest status|scan|pause|resume [--json] [--socket PATH]

Asks the service that watches the inbox, on the same machine.

  status   what it does, and what became of the files
  scan     looks through the whole folder at once
  pause    takes no more files, until resume or until the service starts anew
  resume   goes on

--socket PATH   its control socket; ingest.sock in DATA_DIR (./data) where none is named
--json          the status as one line of JSON

Exit code: 0 done, 1 the service could not be asked, 2 a wrong command line.
`;

const flags = {
  json: { type: 'boolean', default: false },
  socket: { type: 'string' },
  help: { type: 'boolean', short: 'h', default: false },
} as const;

/** Reads the arguments after `ingest`. Throws `UsageError`. */
export function parseIngestArguments(args: readonly string[]): IngestRequest {
  const { values, positionals } = parseFlags(args, flags);
  const [word, ...rest] = positionals;
  if (values.help || word === 'help') return { kind: 'help' };
  const action = ingestActions.find((known) => known === word);
  if (action === undefined) throw new UsageError('Say what to do with the inbox: status, scan, pause or resume');
  if (rest.length > 0) throw new UsageError(`ingest ${action} takes no ${rest[0]}`);
  if (values.socket === '') throw new UsageError('--socket needs a path');
  return { kind: 'run', action, socket: values.socket, json: values.json };
}
