import { OcrError } from '../errors.ts';
import { type FetchPurpose, wordings } from './purpose.ts';

/** Reads and checks a URL before anything is resolved. Throws OcrError `url_not_allowed`. */
export type UrlPolicy = (url: string, base?: URL) => URL;

/**
 * Allows http and https URLs without credentials, on any port, and where `allowHosts` is given only on those hosts:
 * exact names, or `*.suffix` for every name below a suffix. Addresses are not looked at here: guarded-connector.ts does.
 */
export function createUrlPolicy(options: {
  readonly purpose: FetchPurpose;
  readonly allowHosts?: readonly string[] | undefined;
}): UrlPolicy {
  const { allowHosts } = options;
  const words = wordings[options.purpose];
  return (text, base) => {
    const url = URL.parse(text, base?.href);
    if (url === null || url.hostname === '') throw refuse(`${words.url} is not a valid URL`);
    if (url.protocol !== 'http:' && url.protocol !== 'https:') {
      throw refuse(`${words.url} has to use http or https`);
    }
    if (url.username !== '' || url.password !== '') throw refuse(`${words.url} may not hold credentials`);
    if (allowHosts !== undefined && !allowHosts.some((pattern) => matchesHost(url.hostname, pattern))) {
      throw refuse(words.hosts);
    }
    return url;
  };
}

function matchesHost(hostname: string, pattern: string): boolean {
  // URL wraps IPv6 in brackets; a trailing dot names the same host.
  const host = hostname.replace(/^\[(.*)\]$/, '$1').replace(/\.$/, '');
  const wanted = pattern.toLowerCase();
  return wanted.startsWith('*.') ? host.endsWith(wanted.slice(1)) && host.length >= wanted.length : host === wanted;
}

function refuse(message: string): OcrError {
  return new OcrError('url_not_allowed', message);
}
