import type { ParseArgsConfig } from 'node:util';
import { z } from 'zod';
import { parseFlags, parseNumber, UsageError } from '../command-line.ts';
import type { SubmitOptions } from './job-client.ts';
import { type JobState, jobStates } from './job-schema.ts';
import { parseMetadata } from './parse-metadata.ts';

export type JobsCommand =
  | {
      readonly name: 'submit';
      /** Files, folders, URLs and `-`, in the order given; at least one. */
      readonly inputs: readonly string[];
      readonly options: SubmitOptions;
      readonly idempotencyKey: string | undefined;
      readonly wait: WaitOptions | undefined;
    }
  | {
      readonly name: 'list';
      readonly states: readonly JobState[];
      readonly batch: string | undefined;
      /** Infinity: all. */
      readonly limit: number;
    }
  | { readonly name: 'show' | 'cancel' | 'retry'; readonly ids: readonly string[] }
  | { readonly name: 'retry-failed'; readonly batch: string | undefined }
  | {
      readonly name: 'wait';
      readonly ids: readonly string[];
      readonly batches: readonly string[];
      readonly options: WaitOptions;
    };

export interface WaitOptions {
  /** Undefined: as long as it takes. */
  readonly timeoutMs: number | undefined;
}

export type JobsRequest =
  | { readonly kind: 'help' }
  | {
      readonly kind: 'run';
      readonly command: JobsCommand;
      readonly url: string | undefined;
      readonly json: boolean;
    };

type Flags = NonNullable<ParseArgsConfig['options']>;

const sharedFlags = {
  url: { type: 'string' },
  json: { type: 'boolean', default: false },
  help: { type: 'boolean', short: 'h', default: false },
} as const satisfies Flags;
const noFlags = {} as const satisfies Flags;
const submitFlags = {
  priority: { type: 'string' },
  metadata: { type: 'string', multiple: true, default: [] },
  'callback-url': { type: 'string' },
  'deadline-ms': { type: 'string' },
  'idempotency-key': { type: 'string' },
  wait: { type: 'boolean', default: false },
  timeout: { type: 'string' },
} as const satisfies Flags;
const listFlags = {
  state: { type: 'string', multiple: true, default: [] },
  batch: { type: 'string' },
  limit: { type: 'string' },
  all: { type: 'boolean', default: false },
} as const satisfies Flags;
const retryFlags = {
  'all-failed': { type: 'boolean', default: false },
  batch: { type: 'string' },
} as const satisfies Flags;
const waitFlags = {
  batch: { type: 'string', multiple: true, default: [] },
  timeout: { type: 'string' },
} as const satisfies Flags;

const defaultLimit = 50;
const maxLimit = 1_000_000_000;
const maxTimeoutSeconds = 1_000_000;
/** What the API takes, less the room for the numbers of further requests. */
const maxKeyLength = 240;

/** Reads the arguments after `jobs`. Throws `UsageError`. */
export function parseJobsArguments(args: readonly string[]): JobsRequest {
  const [name, ...rest] = args;
  switch (name) {
    case 'submit':
      return parse(rest, submitFlags, parseSubmit);
    case 'list':
      return parse(rest, listFlags, parseList);
    case 'show':
    case 'cancel':
      return parse(rest, noFlags, (_, words) => ({ name, ids: parseIds(words) }));
    case 'retry':
      return parse(rest, retryFlags, parseRetry);
    case 'wait':
      return parse(rest, waitFlags, parseWait);
    case '-h':
    case '--help':
    case 'help':
      return { kind: 'help' };
    case undefined:
    default:
      throw new UsageError('Say what to do with jobs: submit, list, show, cancel, retry or wait');
  }
}

type Values<F extends Flags> = ReturnType<typeof parseFlags<F>>['values'];

function parse<F extends Flags>(
  args: readonly string[],
  flags: F,
  toCommand: (values: Values<F>, words: readonly string[]) => JobsCommand,
): JobsRequest {
  const shared = parseFlags(args, { ...flags, ...sharedFlags });
  const { url, json, help } = shared.values as Values<typeof sharedFlags>;
  if (help) return { kind: 'help' };
  const command = toCommand(shared.values, shared.positionals);
  return { kind: 'run', url, json, command };
}

function parseSubmit(values: Values<typeof submitFlags>, inputs: readonly string[]): JobsCommand {
  if (inputs.length === 0) throw new UsageError('Name at least one image, folder or URL');
  if (inputs.includes('')) throw new UsageError('An empty file name');
  if (inputs.filter((input) => input === '-').length > 1) throw new UsageError('Standard input can be read once');
  if (values.timeout !== undefined && !values.wait) throw new UsageError('--timeout needs --wait');
  const { priority, metadata, 'callback-url': callbackUrl, 'deadline-ms': deadlineMs } = values;
  return {
    name: 'submit',
    inputs,
    options: {
      priority: parseWhole('--priority', priority, { min: 0, max: 1000 }),
      metadata: metadata.length === 0 ? undefined : parseMetadata(metadata),
      callbackUrl,
      deadlineMs: parseWhole('--deadline-ms', deadlineMs, { min: 1, max: Number.MAX_SAFE_INTEGER }),
    },
    idempotencyKey: parseKey(values['idempotency-key']),
    wait: values.wait ? { timeoutMs: parseTimeout(values.timeout) } : undefined,
  };
}

function parseList(values: Values<typeof listFlags>, words: readonly string[]): JobsCommand {
  refuseWords('list', words);
  if (values.all && values.limit !== undefined) throw new UsageError('Either --all or --limit');
  const limit = parseWhole('--limit', values.limit, { min: 1, max: maxLimit });
  return {
    name: 'list',
    states: parseStates(values.state),
    batch: parseBatch(values.batch),
    limit: values.all ? Number.POSITIVE_INFINITY : (limit ?? defaultLimit),
  };
}

function parseRetry(values: Values<typeof retryFlags>, words: readonly string[]): JobsCommand {
  if (!values['all-failed']) {
    if (values.batch !== undefined) throw new UsageError('--batch needs --all-failed');
    return { name: 'retry', ids: parseIds(words) };
  }
  refuseWords('retry --all-failed', words);
  return { name: 'retry-failed', batch: parseBatch(values.batch) };
}

function parseWait(values: Values<typeof waitFlags>, words: readonly string[]): JobsCommand {
  const batches = [...new Set(values.batch.map((id) => parseId(id, 'batch')))];
  const ids = batches.length > 0 && words.length === 0 ? [] : parseIds(words);
  return { name: 'wait', ids, batches, options: { timeoutMs: parseTimeout(values.timeout) } };
}

const idSchema = z.uuid();

function parseIds(words: readonly string[]): readonly string[] {
  if (words.length === 0) throw new UsageError('Name at least one job');
  return [...new Set(words.map((word) => parseId(word, 'job')))];
}

function parseId(text: string, of: 'job' | 'batch'): string {
  const id = idSchema.safeParse(text.toLowerCase());
  if (!id.success) throw new UsageError(`${JSON.stringify(text)} is no id of a ${of}`);
  return id.data;
}

function parseBatch(text: string | undefined): string | undefined {
  return text === undefined ? undefined : parseId(text, 'batch');
}

function parseStates(texts: readonly string[]): readonly JobState[] {
  const names = texts.flatMap((text) => text.split(','));
  const states = names.map((name) => {
    const state = jobStates.find((known) => known === name);
    if (state === undefined) throw new UsageError(`--state is one of ${jobStates.join(', ')}`);
    return state;
  });
  return [...new Set(states)];
}

function parseKey(text: string | undefined): string | undefined {
  if (text === undefined || (/^[\x21-\x7e]+$/.test(text) && text.length <= maxKeyLength)) return text;
  throw new UsageError(`--idempotency-key has 1 to ${maxKeyLength} visible ASCII characters`);
}

function parseTimeout(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  return parseNumber('--timeout', text, { min: 1, max: maxTimeoutSeconds, whole: false }) * 1000;
}

interface WholeRange {
  readonly min: number;
  readonly max: number;
}

function parseWhole(flag: string, text: string | undefined, range: WholeRange): number | undefined {
  return text === undefined ? undefined : parseNumber(flag, text, { ...range, whole: true });
}

function refuseWords(command: string, words: readonly string[]): void {
  if (words.length > 0) throw new UsageError(`${command} takes no ${words[0]}`);
}
