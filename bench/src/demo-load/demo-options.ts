import { existsSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { UsageError, wholeNumber, type Surroundings } from '../bench-surroundings.ts';

const longestSeconds = 300;

export const demoUsage = `Sends a running Glyphmill a bit of everything, so that there is something to see: pictures, some of them broken, dead
URLs, calls of POST /analyze, jobs, and files into the inbox where that is on this machine.

Usage: npm run demo:load -- [options]

  --seconds N    for how long it sends; up to ${longestSeconds} (default 60)
  --url URL      the API (default: BASE_URL, else http://127.0.0.1:8000)
  --inbox DIR    the folder that is watched (default: INBOX_DIR, else DATA_DIR/inbox, else data/inbox, where there is one)
  --no-inbox     puts no files there
  --seed N       of the pictures (default: others each time)

Name and password come from BASIC_AUTH_USERNAME and BASIC_AUTH_PASSWORD.
`;

export interface DemoOptions {
  readonly seconds: number;
  readonly url: string;
  /** Undefined where no files are to be put anywhere. */
  readonly inbox: string | undefined;
  readonly seed: number;
}

/** Throws `UsageError` where the command line cannot be meant. */
export function parseDemoArguments(
  args: readonly string[],
  { cwd, env }: Pick<Surroundings, 'cwd' | 'env'>,
): DemoOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      seconds: { type: 'string' },
      url: { type: 'string' },
      inbox: { type: 'string' },
      'no-inbox': { type: 'boolean', default: false },
      seed: { type: 'string' },
    },
  });
  const seconds = wholeNumber('--seconds', values.seconds, 1) ?? 60;
  if (seconds > longestSeconds) throw new UsageError(`--seconds is at most ${longestSeconds}`);
  const url = values.url ?? (env['BASE_URL'] || 'http://127.0.0.1:8000');
  if (!URL.canParse(url)) throw new UsageError(`${url} is no URL`);
  return {
    seconds,
    url: url.replace(/\/+$/, ''),
    inbox: values['no-inbox'] ? undefined : findInbox({ named: values.inbox, url, cwd, env }),
    seed: wholeNumber('--seed', values.seed, 0) ?? Date.now() % 2 ** 31,
  };
}

interface InboxQuestion extends Pick<Surroundings, 'cwd' | 'env'> {
  readonly named: string | undefined;
  readonly url: string;
}

/** The default one only where the service is on this machine, too. */
function findInbox({ named, url, cwd, env }: InboxQuestion): string | undefined {
  if (named !== undefined) {
    const inbox = path.resolve(cwd, named);
    if (!existsSync(inbox)) throw new UsageError(`${inbox} is not there`);
    return inbox;
  }
  if (!/^(localhost|127\.|\[::1\])/.test(new URL(url).hostname)) return undefined;
  const inbox = path.resolve(cwd, env['INBOX_DIR'] || path.join(env['DATA_DIR'] || 'data', 'inbox'));
  return existsSync(inbox) ? inbox : undefined;
}
