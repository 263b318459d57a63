import { printable } from '../printable.ts';
import { type ConnectionVariables, resolveConnection } from './api-connection.ts';
import { ApiError } from './api-error.ts';
import { createApiRequester } from './api-requester.ts';
import { runEachJob, runRetryFailed } from './each-job-command.ts';
import { toFailure } from './failure.ts';
import { createJobClient } from './job-client.ts';
import { type JobsCommand, parseJobsArguments } from './jobs-options.ts';
import { createPrinter, type JobsSurroundings, type Printer } from './jobs-surroundings.ts';
import { jobsUsage } from './jobs-usage.ts';
import { runList } from './list-command.ts';
import { runSubmit } from './submit-command.ts';
import { runWait } from './wait-command.ts';

export interface RunJobsOptions {
  readonly env: ConnectionVariables;
  readonly cwd: string;
  readonly stdin: AsyncIterable<Uint8Array>;
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
  readonly signal: AbortSignal;
}

/** Runs `jobs` with its arguments. Returns the exit code. Throws `UsageError`. */
export async function runJobs(args: readonly string[], options: RunJobsOptions): Promise<number> {
  const request = parseJobsArguments(args);
  const { cwd, env, signal, stderr, stdin, stdout } = options;
  if (request.kind === 'help') {
    stdout.write(jobsUsage);
    return 0;
  }
  const connection = resolveConnection(request.url, env);
  const printer = createPrinter({ json: request.json, stdout, stderr, signal });
  const requester = createApiRequester({
    connection,
    signal,
    onRetry: createRetryNotes(printer),
  });
  try {
    return await dispatch(request.command, { client: createJobClient(requester), cwd, stdin, printer, signal });
  } catch (error) {
    // The caller knows why, and says so by its exit code.
    if (signal.aborted) return 0;
    if (!(error instanceof ApiError)) throw error;
    await printer.failure(request.command.name, toFailure(error), {});
    return 1;
  }
}

function dispatch(command: JobsCommand, surroundings: JobsSurroundings): Promise<number> {
  switch (command.name) {
    case 'submit':
      return runSubmit(command, surroundings);
    case 'list':
      return runList(command, surroundings);
    case 'show':
    case 'cancel':
    case 'retry':
      return runEachJob(command, surroundings);
    case 'retry-failed':
      return runRetryFailed(command, surroundings);
    case 'wait':
      return runWait(command, surroundings);
  }
}

const sameNoteEveryMs = 10_000;

/** Says why it takes longer, but of the same trouble only now and then. */
function createRetryNotes({ note }: Pick<Printer, 'note'>): (error: ApiError, delayMs: number) => void {
  let lastCode: string | undefined;
  let notedAt = 0;
  return (error, delayMs) => {
    if (error.code === lastCode && performance.now() - notedAt < sameNoteEveryMs) return;
    lastCode = error.code;
    notedAt = performance.now();
    note(`${error.code}: ${printable(error.message)}; trying again in ${Math.ceil(delayMs / 1000)} s`);
  };
}
