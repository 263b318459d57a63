import { writeOutput } from '../write-output.ts';
import type { Failure } from './failure.ts';
import type { JobClient } from './job-client.ts';
import { formatFailure, formatJson } from './print-jobs.ts';

/** What a command of `jobs` works with. */
export interface JobsSurroundings {
  readonly client: JobClient;
  /** Relative names are meant from here. */
  readonly cwd: string;
  readonly stdin: AsyncIterable<Uint8Array>;
  readonly printer: Printer;
  /** Ends everything; what is printed until then stays. */
  readonly signal: AbortSignal;
}

/** Results go to standard output, failures to standard error; with --json an object for each of both goes out. */
export interface Printer {
  readonly json: boolean;
  /** `text` for people, `value` for programs. */
  result(text: string, value: object): Promise<void>;
  /** `about` are the members that stand beside `error` in JSON. */
  failure(label: string, failure: Failure, about: object): Promise<void>;
  /** For people who look on. */
  note(text: string): void;
}

export interface PrinterOptions {
  readonly json: boolean;
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
  readonly signal: AbortSignal;
}

export function createPrinter({ json, stdout, stderr, signal }: PrinterOptions): Printer {
  return {
    json,
    result: (text, value) => writeOutput(stdout, json ? formatJson(value) : text, signal),
    async failure(label, failure, about) {
      stderr.write(formatFailure(label, failure));
      if (json) await writeOutput(stdout, formatJson({ ...about, error: failure }), signal);
    },
    note(text) {
      stderr.write(`${text}\n`);
    },
  };
}
