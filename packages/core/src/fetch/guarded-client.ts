import { Client } from 'undici';
import { createAddressPolicy } from './address-policy.ts';
import {
  createGuardedConnector,
  type GuardedConnectorOptions,
  type Resolve,
  resolveWithSystem,
} from './guarded-connector.ts';
import type { FetchPurpose } from './purpose.ts';
import { createUrlPolicy, type UrlPolicy } from './url-policy.ts';

/** What both a download and a webhook are told about their surroundings. */
export interface GuardOptions {
  /** One request in all, name look-ups and redirects included. */
  readonly timeoutMs: number;
  /** Ranges that are allowed beside public addresses. */
  readonly allowCidrs: readonly string[];
  /** Absent: any host. */
  readonly allowHosts?: readonly string[] | undefined;
  readonly resolve?: Resolve;
  readonly ca?: string;
  readonly dial?: GuardedConnectorOptions['dial'];
}

export interface GuardedClient {
  readonly checkUrl: UrlPolicy;
  /** Lends a connection of its own to `use`; it is closed afterwards, or as soon as the signal fires. */
  request<T>(url: URL, signal: AbortSignal, use: (client: Client) => Promise<T>): Promise<T>;
}

/** A server that takes longer than this to accept a connection, or to begin its answer, is as good as down. */
const maxConnectMs = 5_000;
const maxFirstByteMs = 10_000;

/**
 * HTTP for URLs that strangers give: allowed hosts, public addresses, no proxy, no cookies, nothing kept alive. Redirects
 * are the caller's business. `maxResponseBytes` is undici's own bound; it throws UND_ERR_RES_EXCEEDED_MAX_SIZE.
 */
export function createGuardedClient(
  options: GuardOptions & { readonly purpose: FetchPurpose; readonly maxResponseBytes: number },
): GuardedClient {
  const { purpose, timeoutMs, allowHosts, resolve = resolveWithSystem, ca, dial } = options;
  const allowsAddress = createAddressPolicy(options.allowCidrs);
  return {
    checkUrl: createUrlPolicy({ purpose, allowHosts }),
    async request(url, signal, use) {
      signal.throwIfAborted();
      const client = new Client(url.origin, {
        connect: createGuardedConnector({
          purpose,
          allowsAddress,
          resolve,
          connectTimeoutMs: Math.min(maxConnectMs, timeoutMs),
          signal,
          ca,
          ...(dial === undefined ? {} : { dial }),
        }),
        pipelining: 0,
        allowH2: false,
        headersTimeout: Math.min(maxFirstByteMs, timeoutMs),
        bodyTimeout: timeoutMs,
        maxResponseSize: options.maxResponseBytes,
      });
      // undici heeds a request's signal only once it is connected; destroying the client ends it at any stage.
      const stop = (): void => void client.destroy(new Error('stopped')).catch(() => {});
      signal.addEventListener('abort', stop, { once: true });
      try {
        return await use(client);
      } finally {
        signal.removeEventListener('abort', stop);
        stop();
      }
    },
  };
}
