import { type Logger, type LoggerOptions as PinoOptions, pino } from 'pino';

export type { Logger };

/**
 * Field names whose values never reach a log, at the top of a line or up to two objects deep. A last line of defense:
 * code does not log them in the first place.
 */
const secretFields = [
  'authorization',
  'cookie',
  'password',
  'username',
  'text',
  'lines',
  'result',
  'data',
  'url',
  'image_url',
  'redisUrl',
  'query',
];

/** JSON lines to stdout. */
export function createLogger(options: LoggerOptions): Logger {
  return pino(logOptions(options));
}

export interface LoggerOptions {
  readonly service: string;
  readonly level: string;
}

export function logOptions({ service, level }: LoggerOptions): PinoOptions {
  return {
    level,
    base: { service, pid: process.pid },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
    redact: {
      paths: secretFields.flatMap((field) => [field, `*.${field}`, `*.*.${field}`]),
      censor: '[redacted]',
    },
  };
}

/**
 * What may be logged of a durable job's URL: scheme and host, since paths and queries carry tokens. Nothing at all is
 * logged of an ephemeral job's.
 */
export function withoutQuery(url: string): string {
  if (!URL.canParse(url)) return '[not a URL]';
  const { protocol, host } = new URL(url);
  return host === '' ? protocol : `${protocol}//${host}`;
}
