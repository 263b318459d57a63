import { UsageError } from '../command-line.ts';

export interface ApiConnection {
  /** Ends with a slash: what is behind a reverse proxy may lie below a path. */
  readonly baseUrl: URL;
  /** The header. */
  readonly authorization: string | undefined;
}

const defaultUrl = 'http://127.0.0.1:8000';

export interface ConnectionVariables {
  readonly GLYPHMILL_URL?: string | undefined;
  readonly GLYPHMILL_USERNAME?: string | undefined;
  readonly GLYPHMILL_PASSWORD?: string | undefined;
}

/**
 * Where the API is, and who asks; an empty variable counts as unset. Credentials come from the environment alone: command
 * lines and URLs are seen by others and end up in histories. Throws `UsageError`, which holds no value: any may be secret.
 */
export function resolveConnection(url: string | undefined, variables: ConnectionVariables): ApiConnection {
  const name = url === undefined ? 'GLYPHMILL_URL' : '--url';
  const text = url ?? (variables.GLYPHMILL_URL || defaultUrl);
  return { baseUrl: parseBaseUrl(name, text), authorization: authorizationOf(variables) };
}

function parseBaseUrl(name: string, text: string): URL {
  const parsed = URL.canParse(text) ? new URL(text) : undefined;
  if (parsed === undefined || (parsed.protocol !== 'http:' && parsed.protocol !== 'https:')) {
    throw new UsageError(`${name} is an http: or https: address, such as ${defaultUrl}`);
  }
  if (parsed.username !== '' || parsed.password !== '') {
    throw new UsageError(`${name} holds no credentials: set GLYPHMILL_USERNAME and GLYPHMILL_PASSWORD`);
  }
  if (parsed.search !== '' || parsed.hash !== '') throw new UsageError(`${name} has no query and no fragment`);
  if (!parsed.pathname.endsWith('/')) parsed.pathname += '/';
  return parsed;
}

function authorizationOf(variables: ConnectionVariables): string | undefined {
  const { GLYPHMILL_USERNAME: username = '', GLYPHMILL_PASSWORD: password = '' } = variables;
  if (username === '' && password === '') return undefined;
  if (username === '' || password === '') {
    throw new UsageError('GLYPHMILL_USERNAME and GLYPHMILL_PASSWORD mean nothing without each other');
  }
  if (username.includes(':')) throw new UsageError('GLYPHMILL_USERNAME holds no colon');
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
}
