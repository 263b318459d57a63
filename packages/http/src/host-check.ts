import type { MiddlewareHandler } from 'hono';
import { OcrError } from '@glyphmill/core/errors';
import type { HttpEnv } from './http-env.ts';

/**
 * Against DNS rebinding: a web page can make its own name resolve to this machine, and then its scripts are same-origin
 * with this service. What it cannot change is the `Host` header that the browser sends, which is its own name.
 */
export type HostRule = 'any' | ReadonlySet<string>;

const loopbackNames = ['localhost', '127.0.0.1', '[::1]'] as const;

/** `name`, `name:port`, `[v6]`, `[v6]:port`; nothing with user info, path or spaces. */
const hostPattern = /^(\[[0-9a-f:.]+\]|[^\s:@/\\?#[\]]+)(?::\d{1,5})?$/;

/** The name in a `Host` header: lower case, without port and the root's dot; nothing for what is no host at all. */
function nameIn(host: string): string | undefined {
  return hostPattern.exec(host.trim().toLowerCase())?.[1]?.replace(/\.$/, '');
}

function isLoopback(bindAddress: string): boolean {
  return bindAddress === 'localhost' || bindAddress === '::1' || /^127(\.\d{1,3}){3}$/.test(bindAddress);
}

/** As clients write it in a `Host` header: IPv6 addresses stand in brackets there, and in their shortest form. */
function asHost(nameOrAddress: string): string {
  if (!nameOrAddress.includes(':')) return nameOrAddress.toLowerCase();
  const url = `http://${nameOrAddress.startsWith('[') ? nameOrAddress : `[${nameOrAddress}]`}`;
  return URL.canParse(url) ? new URL(url).hostname : nameOrAddress;
}

export interface HostRuleOptions {
  /** The setting's entries: names and addresses, each good for any port; `*` allows any host. Empty: the default. */
  readonly allowedHosts: readonly string[];
  /** The address that the server listens on. */
  readonly bindAddress: string;
}

/** By default a service that listens on loopback answers to loopback names only, any other to every name. */
export function hostRule({ allowedHosts, bindAddress }: HostRuleOptions): HostRule {
  if (allowedHosts.includes('*')) return 'any';
  if (allowedHosts.length > 0) return new Set(allowedHosts.map(asHost));
  return isLoopback(bindAddress) ? new Set([...loopbackNames, asHost(bindAddress)]) : 'any';
}

export function isAllowedHost(rule: HostRule, host: string): boolean {
  const name = nameIn(host);
  return name !== undefined && (rule === 'any' || rule.has(name));
}

/**
 * Refuses hosts outside of the rule with `forbidden_origin`. The URL's own host is checked too: in a request with an
 * absolute target it is not the header's.
 */
export function hostCheck(rule: HostRule): MiddlewareHandler<HttpEnv> {
  return async (c, next) => {
    const urlHost = new URL(c.req.url).host;
    const host = c.req.header('host') ?? urlHost;
    if (!isAllowedHost(rule, host) || !isAllowedHost(rule, urlHost)) {
      throw new OcrError(
        'forbidden_origin',
        'This service does not answer to the host of this request (ALLOWED_HOSTS)',
      );
    }
    await next();
  };
}
