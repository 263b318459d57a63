import type { Connections } from './connections.ts';

const refreshMs = 60_000;
/** How far the host's clock may run apart from its time since the start before it counts as set, or as having slept. */
const stepMs = 1_000;
/** An answer that took longer says too little: this process may have been stopped for half of it. */
const slowAnswerMs = 1_000;

/**
 * The server's time. The processes of one database may run on hosts whose clocks differ, and a lease that one of them
 * gives is judged by the others. In between it goes by the time since the start of this host, since nobody sets that.
 */
export class ServerClock {
  readonly #connections: Connections;
  /** Undefined until the server was asked for the first time. */
  #measured: { readonly atUptime: number; readonly atHost: number; readonly server: number } | undefined;
  #measuring: Promise<void> | undefined;

  constructor(connections: Connections) {
    this.#connections = connections;
  }

  now(): number {
    if (this.#measured === undefined) return Date.now();
    const passedMs = performance.now() - this.#measured.atUptime;
    const apartMs = Math.abs(Date.now() - this.#measured.atHost - passedMs);
    if (passedMs > refreshMs || apartMs > stepMs) this.measure().catch(() => undefined);
    return Math.round(this.#measured.server + passedMs);
  }

  async measure(): Promise<void> {
    this.#measuring ??= this.#ask().finally(() => {
      this.#measuring = undefined;
    });
    return this.#measuring;
  }

  async #ask(): Promise<void> {
    await this.#connections.use(async (client) => {
      const askedAt = { uptime: performance.now(), host: Date.now() };
      const { rows } = await client.query<{ now: string }>(
        'SELECT floor(extract(epoch FROM clock_timestamp()) * 1000) AS now',
      );
      const atUptime = performance.now();
      const atHost = Date.now();
      const tookMs = Math.max(atUptime - askedAt.uptime, atHost - askedAt.host);
      if (tookMs > slowAnswerMs && this.#measured !== undefined) return;
      this.#measured = { atUptime, atHost, server: Number(rows[0]?.now) + (atUptime - askedAt.uptime) / 2 };
    });
  }
}
