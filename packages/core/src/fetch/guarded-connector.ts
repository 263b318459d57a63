import { lookup } from 'node:dns/promises';
import { isIP, type LookupFunction, type Socket } from 'node:net';
import { callbackify } from 'node:util';
import { buildConnector } from 'undici';
import { OcrError } from '../errors.ts';
import { type FetchPurpose, wordings } from './purpose.ts';

/** All addresses of a name; rejects as `dns.lookup` does. */
export type Resolve = (hostname: string) => Promise<readonly string[]>;

export interface GuardedConnectorOptions {
  readonly purpose: FetchPurpose;
  readonly allowsAddress: (address: string) => boolean;
  readonly resolve: Resolve;
  readonly connectTimeoutMs: number;
  /** Drops a connection that is still being made. */
  readonly signal: AbortSignal;
  /** Certificate authorities instead of Node's own. */
  readonly ca?: string | undefined;
  /** What makes the real connection; tests put a liar here. */
  readonly dial?: typeof buildConnector;
}

/** The system's resolver, so that /etc/hosts and a cluster's search domains count. */
export async function resolveWithSystem(hostname: string): Promise<readonly string[]> {
  const found = await lookup(hostname, { all: true });
  return found.map(({ address }) => address);
}

/**
 * A connector for undici that reaches allowed addresses only. A guarding `lookup` alone would not do: addresses that
 * are written out never reach it. So this one
 * 1. checks a literal address, or resolves the name itself, once, and checks every answer: one bad address refuses all,
 *    since an attacker may add a good one;
 * 2. connects to those very answers, whatever the name resolves to by then; Host and SNI keep the name;
 * 3. looks at the address that the socket really has before a byte of the request is sent.
 */
export function createGuardedConnector(options: GuardedConnectorOptions): buildConnector.connector {
  // Like a connector, it calls back with an error or a socket; the types tell the two cases apart more strictly.
  return callbackify((target: buildConnector.Options) =>
    connect(target, options),
  ) as unknown as buildConnector.connector;
}

async function connect(target: buildConnector.Options, options: GuardedConnectorOptions): Promise<Socket> {
  const addresses = isIP(target.hostname) === 0 ? await options.resolve(target.hostname) : [target.hostname];
  options.signal.throwIfAborted();
  if (!addresses.every(options.allowsAddress)) throw notPublic(options.purpose);
  const [first] = addresses;
  if (first === undefined) throw Object.assign(new Error('no address'), { code: 'ENOTFOUND' });
  const socket = await dialChecked(target, addresses, options);
  if (socket.remoteAddress === undefined || !options.allowsAddress(socket.remoteAddress)) {
    socket.destroy();
    throw notPublic(options.purpose);
  }
  return socket;
}

function dialChecked(
  target: buildConnector.Options,
  addresses: readonly string[],
  { dial = buildConnector, signal, connectTimeoutMs, ca }: GuardedConnectorOptions,
): Promise<Socket> {
  const found = addresses.map((address) => ({ address, family: isIP(address) }));
  const lookupChecked: LookupFunction = (_hostname, lookupOptions, done) => {
    if (lookupOptions.all === true) done(null, found);
    else done(null, found[0]?.address ?? '', found[0]?.family);
  };
  const connector = dial({
    allowH2: false,
    maxCachedSessions: 0,
    timeout: connectTimeoutMs,
    // Tries the next checked address where one does not answer: a host without IPv6 must not lose half of the web.
    autoSelectFamily: true,
    lookup: lookupChecked,
    ...(ca === undefined ? {} : { ca }),
  });
  return new Promise((resolve, reject) => {
    // The types hide that the connector returns its socket, which is the only way to drop it before it is connected.
    const pending = connector(target, (error, socket) => {
      signal.removeEventListener('abort', drop);
      if (error === null) resolve(socket);
      else reject(error);
    }) as unknown as Socket | undefined;
    function drop(): void {
      pending?.destroy();
      reject(new Error('aborted'));
    }
    signal.addEventListener('abort', drop, { once: true });
  });
}

/** Does not name the address: what a name resolves to inside is nothing for whoever sent the URL. */
function notPublic(purpose: FetchPurpose): OcrError {
  return new OcrError('url_not_allowed', `${wordings[purpose].url} leads to an address that is not public`);
}
