import { z } from 'zod';
import {
  anyText,
  bytesText,
  choiceText,
  cidrListText,
  fractionText,
  hostListText,
  hostPatternListText,
  integerText,
  pixelsText,
  redisUrlText,
  userNameText,
} from './texts.ts';

/** What docs/configuration.md says of a setting; kept in zod's registry beside its schema. */
export interface SettingNotes {
  readonly description: string;
  /** As the operator would write it; 'unset' and the like where there is none. */
  readonly default: string;
}

export const settingNotes = z.registry<SettingNotes>();

function noted<S extends z.ZodType>(schema: S, value: string, description: string): S {
  settingNotes.add(schema, { description, default: value });
  return schema;
}

function withDefault<S extends z.ZodType<unknown, string>>(schema: S, value: string, description: string) {
  return noted(schema.prefault(value as z.input<S>), value, description);
}

function unset<S extends z.ZodType>(schema: S, meaning: string, description: string) {
  return noted(schema.optional(), meaning, description);
}

const port = integerText(0, 65_535);
/** setTimeout cannot wait longer than 2^31 - 1 ms. */
const maxTimeoutMs = 2 ** 31 - 1;
const milliseconds = integerText(1, maxTimeoutMs);

/**
 * One zod schema for each environment variable. A service picks those that it reads:
 * `z.object({ PORT: settings.port(8000), LOG_LEVEL: settings.logLevel })`. Input: text; an empty string counts as unset.
 */
export const settings = {
  host: withDefault(anyText(), '127.0.0.1', 'Address to listen on; 0.0.0.0 in container images.'),
  port: (value: number) => withDefault(port, String(value), 'Port of the service; 0 picks a free one.'),
  opsPort: (value: number) =>
    withDefault(port, String(value), 'Port of /livez, /readyz and /metrics; 0 picks a free one.'),
  dataDir: withDefault(anyText(), './data', 'Folder of the database, uploads and sockets.'),
  redisUrl: noted(
    redisUrlText(),
    "required; all-in-one's own where it runs",
    'Redis that carries the queue: redis://, rediss:// or unix:///path. Nothing in it is kept on disk.',
  ),
  basicAuthUsername: unset(userNameText(), 'unset: open', 'User name of HTTP Basic; needs BASIC_AUTH_PASSWORD too.'),
  basicAuthPassword: unset(anyText(), 'unset: open', 'Password of HTTP Basic; needs BASIC_AUTH_USERNAME too.'),
  model: withDefault(choiceText(['small', 'tiny']), 'small', 'small (documents) or tiny (speed).'),
  engineProcesses: unset(integerText(1, 1024), 'cores it may use', 'Engine processes of a worker.'),
  engineProvider: withDefault(choiceText(['cpu', 'cuda']), 'cpu', 'What the models run on: cpu or cuda.'),
  fetchAllowCidrs: withDefault(
    cidrListText(),
    '',
    'Private address ranges that images may be fetched from, comma separated.',
  ),
  fetchAllowHosts: unset(
    hostPatternListText(),
    'any public host',
    'The only hosts that images may be fetched from, comma separated; *.example.com is understood.',
  ),
  maxImageBytes: withDefault(bytesText(), '20MB', 'Largest image, in bytes; 20MB and 1GB are understood.'),
  maxImagePixels: withDefault(pixelsText(), '40MP', 'Largest image, in pixels; 40MP is understood.'),
  syncTimeoutMs: withDefault(milliseconds, '30000', 'How long POST /analyze waits for the answer.'),
  pageTimeoutMs: withDefault(milliseconds, '20000', 'How long one page may run in an engine.'),
  fetchTimeoutMs: withDefault(milliseconds, '15000', 'How long one download may take in all.'),
  mailboxTtlMs: withDefault(milliseconds, '120000', 'How long an answer that nobody fetched is kept in Redis.'),
  drainGraceMs: withDefault(
    integerText(0, maxTimeoutMs),
    '25000',
    'How long a stopping worker may finish its pages; the rest goes back to the queue.',
  ),
  engineMemoryLimit: withDefault(bytesText(), '1GB', 'An engine process above this is replaced; 700MB is understood.'),
  minConfidence: withDefault(fractionText(), '0.5', 'Lines below this confidence are left out.'),
  allowedHosts: unset(
    hostListText(),
    'loopback names when bound to loopback, else any',
    'Values of the Host header that the API answers to, comma separated, without ports; * allows any.',
  ),
  logLevel: withDefault(
    choiceText(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']),
    'info',
    'Least severe log lines that are written.',
  ),
} as const;
