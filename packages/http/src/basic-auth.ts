import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import type { MiddlewareHandler } from 'hono';
import { OcrError } from '@glyphmill/core/errors';
import type { HttpEnv } from './http-env.ts';

export interface Credentials {
  readonly username: string;
  readonly password: string;
}

/** From a service's settings; undefined where they set none, and so leave it open. */
export function credentialsOf(settings: {
  readonly BASIC_AUTH_USERNAME?: string | undefined;
  readonly BASIC_AUTH_PASSWORD?: string | undefined;
}): Credentials | undefined {
  const { BASIC_AUTH_USERNAME: username, BASIC_AUTH_PASSWORD: password } = settings;
  return username === undefined || password === undefined ? undefined : { username, password };
}

export const challenge = 'Basic realm="Glyphmill", charset="UTF-8"';

/** What an `Authorization` header holds; nothing for another scheme or broken base64 or UTF-8. */
export function parseAuthorization(header: string): Credentials | undefined {
  const encoded = /^basic +([A-Za-z0-9+/_-]+={0,2}) *$/i.exec(header)?.[1];
  if (encoded === undefined) return undefined;
  let decoded: string;
  try {
    decoded = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Buffer.from(encoded, 'base64'));
  } catch {
    return undefined;
  }
  // The first colon ends the username; a password may hold more of them.
  const colon = decoded.indexOf(':');
  return colon === -1 ? undefined : { username: decoded.slice(0, colon), password: decoded.slice(colon + 1) };
}

/**
 * Compares in a time that tells nothing about the right credentials: both sides are hashed to one length under a key
 * that nobody knows. Names and passwords are composed first (NFC), as keyboards differ in how they type an umlaut.
 */
export function createCredentialCheck(expected: Credentials): (given: Credentials) => boolean {
  const key = randomBytes(32);
  const digest = (value: string) => createHmac('sha256', key).update(value.normalize('NFC')).digest();
  const username = digest(expected.username);
  const password = digest(expected.password);
  return (given) => {
    const sameName = timingSafeEqual(digest(given.username), username);
    const samePassword = timingSafeEqual(digest(given.password), password);
    return sameName && samePassword;
  };
}

export interface BasicAuthOptions {
  readonly credentials: Credentials;
  /** Paths that anybody may ask for. */
  readonly openPaths?: ReadonlySet<string>;
}

/** Asks for HTTP Basic credentials on everything but the open paths; throws `unauthorized`. */
export function basicAuth({ credentials, openPaths = new Set() }: BasicAuthOptions): MiddlewareHandler<HttpEnv> {
  const matches = createCredentialCheck(credentials);
  return async (c, next) => {
    if (!openPaths.has(c.req.path)) {
      const given = parseAuthorization(c.req.header('authorization') ?? '');
      if (given === undefined || !matches(given)) {
        throw new OcrError('unauthorized', 'This needs a username and a password (HTTP Basic)');
      }
    }
    await next();
  };
}
