import { isIP } from 'node:net';
import { z } from 'zod';
import { parseBucketUrl } from './bucket-url.ts';

/** How each kind of environment text becomes a value. The message of an issue is what the operator reads. */
function text<T>(expected: string, parse: (given: string) => T | undefined) {
  return z.string().transform((given, context): T => {
    const value = parse(given.trim());
    if (value !== undefined) return value;
    context.addIssue({ code: 'custom', message: `expected ${expected}` });
    return z.NEVER;
  });
}

export function integerText(min: number, max: number) {
  return text(`a whole number from ${min} to ${max}`, (given) => {
    const value = /^\d+$/.test(given) ? Number(given) : Number.NaN;
    return value >= min && value <= max ? value : undefined;
  });
}

export function fractionText() {
  return text('a number from 0 to 1', (given) => {
    const value = /^\d*\.?\d+$/.test(given) ? Number(given) : Number.NaN;
    return value >= 0 && value <= 1 ? value : undefined;
  });
}

export function choiceText<const Choices extends readonly string[]>(choices: Choices) {
  return text(`one of ${choices.join(', ')}`, (given): Choices[number] | undefined =>
    choices.find((choice) => choice === given),
  );
}

const byteUnits: Readonly<Record<string, number>> = {
  '': 1,
  b: 1,
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
  kib: 2 ** 10,
  mib: 2 ** 20,
  gib: 2 ** 30,
};
const pixelUnits: Readonly<Record<string, number>> = { '': 1, mp: 1e6 };

function parseAmount(given: string, units: Readonly<Record<string, number>>): number | undefined {
  const match = /^(\d+(?:\.\d+)?)\s*([a-z]*)$/i.exec(given);
  const unit = units[(match?.[2] ?? '').toLowerCase()];
  if (match === null || unit === undefined) return undefined;
  const value = Math.round(Number(match[1]) * unit);
  return value >= 1 && Number.isSafeInteger(value) ? value : undefined;
}

/** At least one of them, comma separated; twice is once, in the order of `choices`. */
export function choicesText<const Choices extends readonly string[]>(choices: Choices) {
  return text(`a comma-separated list of ${choices.join(', ')}`, (given): readonly Choices[number][] | undefined => {
    const entries = given.split(',').map((entry) => entry.trim());
    if (!entries.every((entry) => (choices as readonly string[]).includes(entry))) return undefined;
    return choices.filter((choice) => entries.includes(choice));
  });
}

/** Bytes; KB, MB and GB are powers of 1,000, KiB, MiB and GiB of 1,024. */
export function bytesText() {
  return text('a size such as 20MB, 1GB or a number of bytes', (given) => parseAmount(given, byteUnits));
}

export function pixelsText() {
  return text('a number of pixels such as 40MP or 40000000', (given) => parseAmount(given, pixelUnits));
}

/** Comma separated; blank entries are skipped. */
function listText(expected: string, isEntry: (entry: string) => boolean) {
  return text(`a comma-separated list of ${expected}`, (given): readonly string[] | undefined => {
    const entries = given
      .split(',')
      .map((entry) => entry.trim().toLowerCase())
      .filter((entry) => entry !== '');
    return entries.every(isEntry) ? entries : undefined;
  });
}

/** Names or addresses, without a port: a port would never match and silently block everything. */
function isHost(entry: string): boolean {
  return isIP(entry) !== 0 || /^[a-z0-9_]([a-z0-9._-]*[a-z0-9_])?$/.test(entry);
}

/** `*` stands for any host. IPv6 addresses may stand in brackets, as they do in a `Host` header. */
export function hostListText() {
  return listText(
    'host names without ports, or *',
    (entry) => entry === '*' || isHost(entry) || (/^\[.*\]$/.test(entry) && isIP(entry.slice(1, -1)) === 6),
  );
}

/** `*.example.com` stands for every name below example.com. */
export function hostPatternListText() {
  return listText('host names such as example.com or *.example.com', (entry) => isHost(entry.replace(/^\*\./, '')));
}

export function cidrListText() {
  return listText('address ranges such as 10.0.0.0/8', (entry) => {
    const [address = '', bits = '', ...rest] = entry.split('/');
    const version = isIP(address);
    return version !== 0 && rest.length === 0 && /^\d+$/.test(bits) && Number(bits) <= (version === 4 ? 32 : 128);
  });
}

export function redisUrlText() {
  return text('a redis://, rediss:// or unix:// URL', (given) => {
    const url = URL.canParse(given) ? new URL(given) : undefined;
    if (url?.protocol === 'unix:') return url.pathname.length > 1 ? given : undefined;
    return (url?.protocol === 'redis:' || url?.protocol === 'rediss:') && url.hostname !== '' ? given : undefined;
  });
}

/** A file's path may be relative. What has no place in a path is refused, lest it end up in the file's name. */
export function databaseUrlText() {
  return text('a file:PATH or postgres:// URL', (given) => {
    if (given.startsWith('file:')) return /^file:(?!:memory:)[^?#]*[^?#/]$/.test(given) ? given : undefined;
    const url = URL.canParse(given) ? new URL(given) : undefined;
    return url?.protocol === 'postgres:' || url?.protocol === 'postgresql:' ? given : undefined;
  });
}

export function bucketUrlText() {
  return text('s3://BUCKET or s3://BUCKET/PREFIX', parseBucketUrl);
}

/** Where a server is, without anything that would belong to one request; credentials in it would end up in logs. */
export function originText() {
  return text('an http:// or https:// URL without path and credentials', (given) => {
    const url = URL.canParse(given) ? new URL(given) : undefined;
    if (url === undefined || !/^https?:$/.test(url.protocol)) return undefined;
    return `${url.origin}/` === url.href ? url.origin : undefined;
  });
}

/** What Standard Webhooks asks for: 192 bits. */
const minKeyBytes = 24;

/**
 * For keys of webhooks' signatures: a guessable one is as good as none. After `whsec_` stands the key in base64, and what
 * a decoder would pass over there makes the key shorter than it looks, down to nothing.
 */
export function webhookSecretText() {
  return text(`at least 16 characters, or whsec_ and the base64 of at least ${minKeyBytes} bytes`, (given) => {
    const isStrong = given.startsWith('whsec_')
      ? (strictBase64(given.slice('whsec_'.length))?.length ?? 0) >= minKeyBytes
      : given.length >= 16;
    return isStrong ? given : undefined;
  });
}

/** The standard alphabet and nothing else, with its padding or without. */
function strictBase64(given: string): Buffer | undefined {
  const bytes = Buffer.from(given, 'base64');
  const padded = bytes.toString('base64');
  return given === padded || given === padded.replace(/=+$/, '') ? bytes : undefined;
}

/** The standard's paths are added to it, so that it has neither query nor fragment. */
export function httpUrlText() {
  return text('an http:// or https:// URL without query', (given) => {
    const url = URL.canParse(given) ? new URL(given) : undefined;
    const isHttp = url?.protocol === 'http:' || url?.protocol === 'https:';
    return isHttp && url.hostname !== '' && !/[?#]/.test(given) ? given : undefined;
  });
}

/** As OpenTelemetry writes headers and attributes: `name=value,name=value`, what is special in a value as %XX. */
export function keyValueListText() {
  return text('pairs such as name=value, comma separated', (given): Readonly<Record<string, string>> | undefined => {
    const entries = given.split(',').filter((entry) => entry.trim() !== '');
    const pairs = entries.map((entry): [string, string] | undefined => {
      const [, name, value] = /^\s*([\w.!#$%&'*+^`|~-]+)\s*=\s*(.*?)\s*$/s.exec(entry) ?? [];
      const decoded = value === undefined ? undefined : decodePercent(value);
      return name === undefined || decoded === undefined ? undefined : [name, decoded];
    });
    return pairs.every((pair) => pair !== undefined) ? Object.fromEntries(pairs) : undefined;
  });
}

/** Undefined for what is no UTF-8, and for what no header can hold. */
function decodePercent(value: string): string | undefined {
  try {
    const decoded = decodeURIComponent(value);
    return /^[\t\x20-\x7e\x80-\u{10ffff}]*$/u.test(decoded) ? decoded : undefined;
  } catch {
    return undefined;
  }
}

/** HTTP Basic ends the name at the first colon: such a name could never sign in. */
export function userNameText() {
  return z.string().refine((given) => !given.includes(':'), 'expected a name without a colon');
}

export function anyText() {
  return z.string();
}
