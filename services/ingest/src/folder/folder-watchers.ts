import { type FSWatcher, watch } from 'node:fs';
import type { Logger } from '@glyphmill/core/logging';
import { errnoOf } from './file-fault.ts';
import type { HeldFolder } from './held-folder.ts';

export interface FolderWatchersOptions {
  readonly logger: Pick<Logger, 'warn'>;
  /** An entry of a folder has changed; without a name it is not known which. */
  readonly onChange: (folder: string, name: string | undefined) => void;
}

interface Watched {
  readonly watcher: FSWatcher;
  readonly identity: string;
}

/** Linux gives a user some thousands of watches, and other programs want some. */
const maxWatchers = 2_000;

/**
 * Asks the system to tell of changes in each folder. One watch for a folder, by hand: Node's own recursive watching
 * follows links, and watches each file. Where this fails (too many folders, a system that cannot do it) scans alone find
 * what is new.
 */
export class FolderWatchers {
  readonly #options: FolderWatchersOptions;
  readonly #watched = new Map<string, Watched>();
  #failed = false;

  constructor(options: FolderWatchersOptions) {
    this.#options = options;
  }

  /** Whether changes in the whole inbox are told, as far as the file system knows of them. */
  get isComplete(): boolean {
    return !this.#failed && this.#watched.has('');
  }

  /** A folder that was entered, again or for the first time. */
  add(folder: HeldFolder): void {
    const { path, identity } = folder;
    if (this.#watched.get(path)?.identity === identity) return;
    this.#drop(path);
    if (this.#watched.size >= maxWatchers) {
      this.#fail('too many folders');
      return;
    }
    try {
      // By the descriptor, so that what is watched is the folder that was entered.
      const watcher = watch(folder.placeOf('.'), { persistent: false }, (_event, name) => {
        this.#options.onChange(path, name ?? undefined);
      });
      watcher.on('error', (error) => {
        this.#drop(path);
        this.#fail(errnoOf(error));
      });
      this.#watched.set(path, { watcher, identity });
    } catch (error) {
      this.#fail(errnoOf(error));
    }
  }

  /** Lets go of folders that are no longer there. */
  keepOnly(paths: ReadonlySet<string>): void {
    for (const path of this.#watched.keys()) if (!paths.has(path)) this.#drop(path);
  }

  close(): void {
    this.keepOnly(new Set());
  }

  #drop(path: string): void {
    this.#watched.get(path)?.watcher.close();
    this.#watched.delete(path);
  }

  #fail(reason: string): void {
    if (this.#failed) return;
    this.#failed = true;
    this.#options.logger.warn({ reason }, 'Not all changes in the inbox are told: the next scan finds them');
  }
}
