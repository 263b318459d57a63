import { ConfigError, parseEnvironment, settings } from '@glyphmill/core/config';
import { createInboxClient, InboxError, inboxSocketOf } from '@glyphmill/core/inbox';
import { z } from 'zod';
import { ingestUsage, parseIngestArguments } from './ingest-options.ts';
import { formatStatus } from './print-status.ts';

export interface IngestSurroundings {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stdout: NodeJS.WritableStream;
  readonly stderr: NodeJS.WritableStream;
}

const ingestSettings = z.object({ DATA_DIR: settings.dataDir });

/** Runs `ingest` with its arguments. Returns the exit code. Throws `UsageError`. */
export async function runIngest(args: readonly string[], { env, stdout, stderr }: IngestSurroundings): Promise<number> {
  const request = parseIngestArguments(args);
  if (request.kind === 'help') {
    stdout.write(ingestUsage);
    return 0;
  }
  try {
    const socketPath = request.socket ?? inboxSocketOf(parseEnvironment(ingestSettings, env));
    const status = await createInboxClient(socketPath)[request.action]();
    stdout.write(request.json ? `${JSON.stringify(status)}\n` : formatStatus(status));
    return 0;
  } catch (error) {
    if (error instanceof ConfigError) {
      stderr.write(`${error.message}\n`);
      return 2;
    }
    if (!(error instanceof InboxError)) throw error;
    stderr.write(`${error.code}: ${error.message}\n`);
    if (request.json) stdout.write(`${JSON.stringify({ error: { code: error.code, detail: error.message } })}\n`);
    return 1;
  }
}
