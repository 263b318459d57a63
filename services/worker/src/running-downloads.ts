/** Knows which downloads are under way and for how long. */
export class RunningDownloads {
  readonly #startedAt = new Set<{ readonly at: number }>();

  async track<T>(download: () => Promise<T>): Promise<T> {
    const entry = { at: performance.now() };
    this.#startedAt.add(entry);
    try {
      return await download();
    } finally {
      this.#startedAt.delete(entry);
    }
  }

  /** How many have been under way for longer. */
  longerThan(durationMs: number): number {
    const before = performance.now() - durationMs;
    return [...this.#startedAt].filter(({ at }) => at < before).length;
  }
}
