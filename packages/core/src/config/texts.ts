import { isIP } from 'node:net';
import { z } from 'zod';

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

/** HTTP Basic ends the name at the first colon: such a name could never sign in. */
export function userNameText() {
  return z.string().refine((given) => !given.includes(':'), 'expected a name without a colon');
}

export function anyText() {
  return z.string();
}
