import { pino, type Logger } from 'pino';

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
export function createLogger(options: { readonly service: string; readonly level: string }): Logger {
  return pino({
    level: options.level,
    base: { service: options.service, pid: process.pid },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
    redact: {
      paths: secretFields.flatMap((field) => [field, `*.${field}`, `*.*.${field}`]),
      censor: '[redacted]',
    },
  });
}

/**
 * What may be logged of a durable job's URL: scheme and host, since paths and queries carry tokens. Nothing at all is
 * logged of an ephemeral job's.
 */
export function withoutQuery(url: string): string {
  if (!URL.canParse(url)) return '[not a URL]';
  const { protocol, host } = new URL(url);
  return `${protocol}//${host}`;
}
