import { setTimeout as delay } from 'node:timers/promises';
import { UsageError } from '../bench-surroundings.ts';

export interface DemoClient {
  /** Throws `UsageError` where nothing answers, or not to this name and password. */
  check(): Promise<void>;
  /** `ok`, an error's code, or why there was no answer. */
  analyze(imageUrl: string): Promise<string>;
  /** One job of each URL and each image. Gives their ids, or what was answered instead. */
  submitUrls(urls: readonly string[]): Promise<Submission>;
  submitImages(images: readonly Uint8Array[]): Promise<Submission>;
  /** A job's state, with the code where it failed; undefined where it was not told. */
  stateOf(id: string): Promise<string | undefined>;
}

export interface Submission {
  readonly outcome: string;
  readonly ids: readonly string[];
}

export interface DemoClientOptions {
  readonly baseUrl: string;
  readonly username: string | undefined;
  readonly password: string | undefined;
}

/** More than POST /analyze takes. */
const answerTimeoutMs = 60_000;
/** When the service asks for patience, or cannot be reached, nobody is to hammer at it. */
const pauseAfterRefusalMs = 1000;

export function createDemoClient({ baseUrl, username, password }: DemoClientOptions): DemoClient {
  const authorization: Record<string, string> =
    username === undefined || password === undefined || username === ''
      ? {}
      : { authorization: `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}` };

  const ask = async (route: string, init: RequestInit = {}): Promise<{ outcome: string; body: unknown }> => {
    try {
      const response = await fetch(`${baseUrl}${route}`, {
        ...init,
        headers: { ...authorization, ...(init.headers as Record<string, string> | undefined) },
        signal: AbortSignal.timeout(answerTimeoutMs),
      });
      const body: unknown = await response.json();
      if (response.status === 429 || response.status === 503) await delay(pauseAfterRefusalMs);
      return { outcome: response.ok ? 'ok' : (textOf(body, 'code') ?? String(response.status)), body };
    } catch (error) {
      await delay(pauseAfterRefusalMs);
      return { outcome: `no answer (${error instanceof Error ? error.name : 'unknown'})`, body: undefined };
    }
  };
  const askInJson = (route: string, body: unknown) =>
    ask(route, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });
  const submit = async (asked: Promise<{ outcome: string; body: unknown }>): Promise<Submission> => {
    const { outcome, body } = await asked;
    if (outcome !== 'ok') return { outcome, ids: [] };
    const jobs = (member(body, 'jobs') as unknown[] | undefined) ?? [body];
    return { outcome: 'accepted', ids: jobs.flatMap((job) => textOf(job, 'id') ?? []) };
  };

  return {
    async check() {
      const { outcome } = await ask('/jobs?limit=1');
      if (outcome === 'ok') return;
      throw new UsageError(`${baseUrl} does not answer as Glyphmill's API does: ${outcome}. Is npm start running?`);
    },
    analyze: async (imageUrl) => (await askInJson('/analyze', { image_url: imageUrl })).outcome,
    submitUrls: (urls) => submit(askInJson('/jobs', { images: urls.map((url) => ({ image_url: url })), priority: 50 })),
    async submitImages(images) {
      const form = new FormData();
      for (const [index, bytes] of images.entries()) {
        form.append('file', new Blob([new Uint8Array(bytes)], { type: 'image/jpeg' }), `demo-${index}.jpg`);
      }
      return submit(ask('/jobs', { method: 'POST', body: form }));
    },
    async stateOf(id) {
      const { outcome, body } = await ask(`/jobs/${id}`);
      if (outcome !== 'ok') return undefined;
      const code = textOf(member(body, 'error'), 'code');
      return [textOf(body, 'state'), code].filter((part) => part !== undefined).join(': ');
    },
  };
}

function member(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined;
}

function textOf(value: unknown, name: string): string | undefined {
  const found = member(value, name);
  return typeof found === 'string' ? found : undefined;
}
