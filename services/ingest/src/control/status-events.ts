import type { ServerResponse } from 'node:http';
import type { InboxStatus } from '@glyphmill/core/inbox';

export interface StatusEventsOptions {
  readonly status: () => Promise<InboxStatus>;
  /** How often is looked whether something has changed while anybody listens. */
  readonly everyMs?: number;
}

const maxListeners = 64;
const beatMs = 15_000;
/** Who reads this slowly reads nothing. */
const maxBufferedBytes = 1_000_000;

/** Tells listeners of the status when they come and whenever it has changed: one look for all of them. */
export class StatusEvents {
  readonly #status: () => Promise<InboxStatus>;
  readonly #everyMs: number;
  readonly #listeners = new Set<ServerResponse>();
  #timer: NodeJS.Timeout | undefined;
  #last = '';
  #toldAt = 0;

  constructor({ status, everyMs = 500 }: StatusEventsOptions) {
    this.#status = status;
    this.#everyMs = everyMs;
  }

  /** False when there are too many already. */
  async add(response: ServerResponse): Promise<boolean> {
    if (this.#listeners.size >= maxListeners) return false;
    const status = JSON.stringify(await this.#status());
    response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-store' });
    response.write(eventOf(status));
    this.#listeners.add(response);
    response.once('close', () => {
      this.#listeners.delete(response);
    });
    if (this.#timer === undefined) {
      this.#last = status;
      this.#toldAt = performance.now();
      this.#schedule();
    }
    return true;
  }

  close(): void {
    clearTimeout(this.#timer);
    for (const listener of this.#listeners) listener.end();
  }

  #schedule(): void {
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      if (this.#listeners.size > 0) void this.#tell().finally(() => this.#schedule());
    }, this.#everyMs);
  }

  async #tell(): Promise<void> {
    const status = JSON.stringify(await this.#status());
    const isNews = status !== this.#last;
    if (!isNews && performance.now() - this.#toldAt < beatMs) return;
    this.#last = status;
    this.#toldAt = performance.now();
    for (const listener of this.#listeners) {
      if (listener.writableLength > maxBufferedBytes) listener.destroy();
      else listener.write(isNews ? eventOf(status) : ': still there\n\n');
    }
  }
}

function eventOf(status: string): string {
  return `event: status\ndata: ${status}\n\n`;
}
