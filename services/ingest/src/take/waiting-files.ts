import type { SeenFile } from '../folder/file-stamp.ts';

export interface WaitingFilesOptions {
  /** How long a file must have stayed as it is. */
  readonly settleMs: number;
  /** More are left where they are: the next scan finds them. */
  readonly capacity: number;
  /** Milliseconds by a clock that nobody sets. */
  readonly now?: () => number;
}

export interface WaitingFile extends SeenFile {
  /** It was read before as it is, and failed: it is tried again. */
  readonly isRepeat: boolean;
  /** Why it had to stay as it is for longer. */
  readonly patience: Patience;
}

/** `empty`: it has no bytes yet; `unfinished`: an image whose end is missing. */
export type Patience = 'none' | 'empty' | 'unfinished';

interface Entry {
  readonly file: WaitingFile;
  readonly since: number;
}

/** Who makes a file first and writes it later may take a while. */
const emptyFactor = 20;
/** A network may stall; but whoever waits for the word that a picture is broken does not want to wait for long. */
const unfinishedMs = 60_000;

/**
 * Files that are to be taken, once they stopped growing: a file is due when it was seen with the same stamp for so long.
 * Each is `waiting` or, between `take` and `done` or `putBack`, `in hand`; then new looks at it count for nothing.
 */
export class WaitingFiles {
  readonly #options: WaitingFilesOptions;
  readonly #now: () => number;
  /** In the order of `since`. */
  readonly #waiting = new Map<string, Entry>();
  readonly #inHand = new Set<string>();
  readonly #wakers = new Set<() => void>();

  constructor(options: WaitingFilesOptions) {
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
  }

  /** Those in hand included. */
  get size(): number {
    return this.#waiting.size + this.#inHand.size;
  }

  /** A file that is new or has changed. False where there is no room for it. */
  note(file: SeenFile): boolean {
    return this.#waiting.get(file.path)?.file.stamp === file.stamp || this.#add({ ...newFile(file), isRepeat: false });
  }

  /** A file that is as it was when it could not be taken. False where there is no room for it. */
  noteRepeat(file: SeenFile): boolean {
    const known = this.#waiting.get(file.path)?.file;
    return (known?.stamp === file.stamp && known.isRepeat) || this.#add({ ...newFile(file), isRepeat: true });
  }

  /** Up to so many that are due; in hand from now on. */
  take(limit: number): WaitingFile[] {
    const taken: WaitingFile[] = [];
    for (const { file, since } of this.#waiting.values()) {
      if (taken.length >= limit) break;
      const waitedMs = this.#now() - since;
      if (waitedMs < this.#options.settleMs) break;
      if (waitedMs >= this.#restMs(file)) taken.push(file);
    }
    for (const { path } of taken) {
      this.#waiting.delete(path);
      this.#inHand.add(path);
    }
    return taken;
  }

  /** It has been dealt with. */
  done(path: string): void {
    this.#inHand.delete(path);
  }

  /** It was not what it had been, or could not be taken now: it waits anew, with patience for longer. */
  putBack(file: WaitingFile): void {
    this.#inHand.delete(file.path);
    this.#wait(file);
  }

  /** Those that wait are forgotten: they are seen again if somebody looks. */
  clear(): void {
    this.#waiting.clear();
  }

  /** Resolves when the first may be due; at the latest after so long, or when the signal fires. */
  async whenDue(withinMs: number, signal: AbortSignal): Promise<void> {
    let dueAt = this.#now() + withinMs;
    for (const { file, since } of this.#waiting.values()) dueAt = Math.min(dueAt, since + this.#restMs(file));
    const { promise, resolve } = Promise.withResolvers<void>();
    const wake = () => {
      resolve();
    };
    const timer = setTimeout(wake, Math.ceil(Math.max(dueAt - this.#now(), 0)));
    signal.addEventListener('abort', wake, { once: true });
    this.#wakers.add(wake);
    await promise;
    clearTimeout(timer);
    signal.removeEventListener('abort', wake);
    this.#wakers.delete(wake);
  }

  #add(file: WaitingFile): boolean {
    if (this.#inHand.has(file.path)) return true;
    if (!this.#waiting.has(file.path) && this.size >= this.#options.capacity) return false;
    this.#wait(file);
    return true;
  }

  /** How long it must have stayed as it is. */
  #restMs({ patience }: WaitingFile): number {
    const { settleMs } = this.#options;
    switch (patience) {
      case 'none':
        return settleMs;
      case 'empty':
        return settleMs * emptyFactor;
      case 'unfinished':
        return Math.max(settleMs, unfinishedMs);
    }
  }

  #wait(file: WaitingFile): void {
    // To the end, where the youngest are.
    this.#waiting.delete(file.path);
    this.#waiting.set(file.path, { file, since: this.#now() });
    for (const wake of this.#wakers) wake();
  }
}

function newFile({ path, stamp, bytes }: SeenFile): Omit<WaitingFile, 'isRepeat'> {
  return { path, stamp, bytes, patience: patienceFor(bytes) };
}

/** For a file of which nothing but its size is known. */
export function patienceFor(bytes: number): Patience {
  return bytes === 0 ? 'empty' : 'none';
}
