import type { IncomingMessage } from 'node:http';
import { Agent, request } from 'node:https';
import { setTimeout as delay } from 'node:timers/promises';

export interface KubernetesClientOptions {
  /** https://host:port */
  readonly server: string;
  readonly token: string;
  /** PEM */
  readonly authority: string;
}

export interface ApiObject {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly metadata: Metadata;
}

export interface Metadata {
  readonly name: string;
  readonly namespace?: string;
  readonly uid?: string;
  readonly resourceVersion?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly deletionTimestamp?: string;
  readonly deletionGracePeriodSeconds?: number;
}

export interface WatchEvent<T> {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly object: T;
}

export interface WatchOptions<T> {
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
  readonly onEvent: (event: WatchEvent<T>) => void;
}

/** The API server refused, with its own words in the message. */
export class KubernetesError extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

interface Sent {
  readonly method?: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  readonly body?: unknown;
  readonly contentType?: string;
  readonly signal?: AbortSignal;
}

/** The few verbs that a kubelet and a test need; paths are those of the API, such as `/api/v1/namespaces/x/pods`. */
export class KubernetesClient {
  readonly #options: KubernetesClientOptions;
  readonly #agent = new Agent({ keepAlive: true });

  constructor(options: KubernetesClientOptions) {
    this.#options = options;
  }

  get<T>(path: string): Promise<T> {
    return this.#sendJson<T>(path, {});
  }

  /** Undefined where there is no such thing. */
  async find<T>(path: string): Promise<T | undefined> {
    try {
      return await this.get<T>(path);
    } catch (error) {
      if (error instanceof KubernetesError && error.status === 404) return undefined;
      throw error;
    }
  }

  async list<T>(path: string): Promise<readonly T[]> {
    return (await this.get<{ readonly items: readonly T[] }>(path)).items;
  }

  create<T>(path: string, body: unknown): Promise<T> {
    return this.#sendJson<T>(path, { method: 'POST', body });
  }

  merge<T>(path: string, body: unknown): Promise<T> {
    return this.#sendJson<T>(path, { method: 'PATCH', body, contentType: 'application/merge-patch+json' });
  }

  delete(path: string, body?: unknown): Promise<unknown> {
    return this.#sendJson(path, { method: 'DELETE', body });
  }

  /**
   * Tells what is there as ADDED and then each change, until the signal; begins again where the connection ends, so that
   * an object may be told of twice.
   */
  async watch<T extends ApiObject>({ path, query = {}, signal, onEvent }: WatchOptions<T>): Promise<void> {
    while (!signal.aborted) {
      try {
        const params = new URLSearchParams({ ...query, watch: 'true' });
        const response = await this.#send(`${path}?${params.toString()}`, { signal });
        for await (const line of linesOf(response)) {
          const event = JSON.parse(line) as WatchEvent<T> | { readonly type: 'ERROR' };
          if (event.type === 'ERROR') break;
          onEvent(event);
        }
      } catch (error) {
        if (signal.aborted) return;
        if (error instanceof KubernetesError && error.status < 500) throw error;
      }
      await delay(200);
    }
  }

  close(): void {
    this.#agent.destroy();
  }

  async #sendJson<T>(path: string, sent: Sent): Promise<T> {
    return JSON.parse(await readText(await this.#send(path, sent))) as T;
  }

  async #send(path: string, { method = 'GET', body, contentType, signal }: Sent): Promise<IncomingMessage> {
    const { server, token, authority } = this.#options;
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    const text = body === undefined ? undefined : JSON.stringify(body);
    const options = {
      method,
      agent: this.#agent,
      ca: authority,
      headers: {
        authorization: `Bearer ${token}`,
        accept: 'application/json',
        ...(text !== undefined && {
          'content-type': contentType ?? 'application/json',
          // Node leaves it out where a DELETE has a body.
          'content-length': Buffer.byteLength(text),
        }),
      },
      ...(signal && { signal }),
    };
    const outgoing = request(`${server}${path}`, options, resolve);
    outgoing.on('error', reject);
    outgoing.end(text);
    const response = await promise;
    const status = response.statusCode ?? 0;
    if (status < 300) return response;
    throw new KubernetesError(status, `${method} ${path}: ${status} ${messageOf(await readText(response))}`);
  }
}

/** Unlike those of node:readline these end, with an error, when the connection does. */
async function* linesOf(response: IncomingMessage): AsyncGenerator<string> {
  let rest = '';
  for await (const chunk of response.setEncoding('utf8')) {
    const lines = `${rest}${chunk as string}`.split('\n');
    rest = lines.pop()!;
    yield* lines;
  }
}

async function readText(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

function messageOf(text: string): string {
  try {
    return (JSON.parse(text) as { message?: string }).message ?? text;
  } catch {
    return text;
  }
}
