import { setTimeout as delay } from 'node:timers/promises';
import { placeOfFault } from '@glyphmill/core/describe-fault';
import { OcrError } from '@glyphmill/core/errors';
import { type Leader, type Term, TermOver } from '@glyphmill/core/leader';
import type { Logger } from '@glyphmill/core/logging';
import type { JobStore } from '@glyphmill/core/store';
import { ChangedNames } from './folder/changed-names.ts';
import { errnoOf, isGone } from './folder/file-fault.ts';
import type { SeenFile } from './folder/file-stamp.ts';
import { FolderWatchers } from './folder/folder-watchers.ts';
import { forgetVanished } from './forget-vanished.ts';
import { HeldFolder, withFolder, withFolderAt } from './folder/held-folder.ts';
import { WalkFaults } from './folder/walk-faults.ts';
import { lookAtNames, type Walk, walkFolder } from './folder/walk-folder.ts';
import type { IngestMetrics } from './ingest-metrics.ts';
import type { WaitingFiles } from './take/waiting-files.ts';

export interface InboxScannerOptions {
  /** Path of the inbox. */
  readonly inbox: string;
  /** Names of folders at its top that are none of its own. */
  readonly left: ReadonlySet<string>;
  readonly rescanMs: number;
  readonly store: Pick<JobStore, 'inboxFiles' | 'unreadableInboxFiles' | 'forgetInboxFiles'>;
  readonly waiting: WaitingFiles;
  readonly leader: Pick<Leader, 'term'>;
  readonly metrics: Pick<IngestMetrics, 'scanSeconds' | 'scannedAt'>;
  readonly logger: Logger;
  /** Until the next try after a scan that failed. */
  readonly failurePauseMs?: number;
  /** A file that is as it was when its job was made. */
  readonly onKnown: (path: string, jobId: string) => void;
}

export interface ScanReport {
  readonly endedAt: number;
  readonly durationMs: number;
  readonly images: number;
  readonly ignored: number;
  /** Images that are new but for which there was no room among those that wait. */
  readonly beyond: number;
  /** Folders and files that could not be looked at, if there are any. */
  readonly faults: WalkFaults['summary'];
}

/** Without anything to look at nothing is known of the inbox. */
type Look = 'looked' | 'nothing to look at';

/** Events of a file that is being copied come in bursts. */
const gatherMs = 100;
/** A scan costs work on both sides of a share: at most a tenth of the time is spent on it. */
const restFactor = 9;
const defaultFailurePauseMs = 1_000;
/** A file that could not be read is tried again although it looks the same: rights and shares change without a trace. */
const retryUnreadableMs = 600_000;

/**
 * Finds files that are new or have changed: by a scan of the whole folder now and then, by looks at what the system tells
 * of in between, one after the other. What is found waits for being taken; nothing is remembered here of what is known.
 */
export class InboxScanner {
  readonly #options: InboxScannerOptions;
  readonly #failurePauseMs: number;
  readonly #stopping = new AbortController();
  readonly #watchers: FolderWatchers;
  readonly #changed = new ChangedNames();
  readonly #ended: Promise<void>;
  #wake = Promise.withResolvers<void>();
  #asked = false;
  #isScanning = false;
  #term: Term | undefined;
  #isReadable: boolean | undefined;
  #report: ScanReport | undefined;
  #trouble: string | undefined;

  constructor(options: InboxScannerOptions) {
    this.#options = options;
    this.#failurePauseMs = options.failurePauseMs ?? defaultFailurePauseMs;
    this.#watchers = new FolderWatchers({
      logger: options.logger,
      onChange: (folder, name) => {
        this.#changed.add(folder, name);
        this.#wake.resolve();
      },
    });
    this.#ended = this.#run();
  }

  get isScanning(): boolean {
    return this.#isScanning || this.#asked;
  }

  /** By the last look; undefined before the first one of this process' term, and while it does not lead. */
  get isReadable(): boolean | undefined {
    return this.#isLeading ? this.#isReadable : undefined;
  }

  get isWatching(): boolean {
    return this.isReadable === true && this.#watchers.isComplete;
  }

  /** The last scan of this process' term; undefined while it does not lead: others know better then. */
  get report(): ScanReport | undefined {
    return this.#isLeading ? this.#report : undefined;
  }

  get #isLeading(): boolean {
    return this.#term?.isOver === false;
  }

  /** The whole folder is looked through as soon as may be, also at what could not be read. */
  ask(): void {
    this.#asked = true;
    this.#wake.resolve();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#wake.resolve();
    await this.#ended;
    this.#watchers.close();
  }

  async #run(): Promise<void> {
    const { leader, waiting } = this.#options;
    let dueAt = 0;
    while (!this.#stopping.signal.aborted) {
      const term = await leader.term();
      if (term === undefined) return;
      if (term !== this.#term) {
        waiting.clear();
        this.#report = undefined;
        this.#isReadable = undefined;
        dueAt = 0;
      }
      this.#term = term;
      const startedAt = performance.now();
      const isDue = this.#asked || startedAt >= dueAt || this.#changed.isOverflowing;
      const works = await this.#try(term, () => (isDue ? this.#scan(term) : this.#lookAtChanges(term)));
      const now = performance.now();
      if (isDue) dueAt = works ? now + this.#restMs(now - startedAt) : now + this.#failurePauseMs;
      await this.#rest(dueAt, term);
    }
  }

  #restMs(scanMs: number): number {
    const { rescanMs, waiting } = this.#options;
    // Files were left where they are, and there is room for them again: they are not to wait.
    if ((this.#report?.beyond ?? 0) > 0 && waiting.size === 0) return this.#failurePauseMs;
    return Math.max(rescanMs, scanMs * restFactor);
  }

  /** Until the next scan is due, somebody asks for one, changes were told of, or the term is over. */
  async #rest(dueAt: number, term: Term): Promise<void> {
    const resting = new AbortController();
    const end = (): void => {
      resting.abort();
    };
    term.signal.addEventListener('abort', end);
    if (term.signal.aborted) end();
    // Timers leave out parts of milliseconds, and would end just before it is due.
    const ms = Math.ceil(Math.max(dueAt - performance.now(), 0));
    const timer = delay(ms, undefined, { signal: resting.signal }).catch(() => undefined);
    await Promise.race([timer, this.#wake.promise]);
    term.signal.removeEventListener('abort', end);
    resting.abort();
    this.#wake = Promise.withResolvers();
    if (this.#changed.isEmpty || this.#asked || this.#stopping.signal.aborted) return;
    await delay(gatherMs, undefined, { signal: this.#stopping.signal }).catch(() => undefined);
  }

  async #scan(term: Term): Promise<Look> {
    const { inbox, store, metrics, logger } = this.#options;
    const startedAt = performance.now();
    const isAsked = this.#asked;
    this.#asked = false;
    this.#isScanning = true;
    try {
      this.#changed.clear();
      const folders = new Set<string>();
      const counts = { images: 0, ignored: 0, beyond: 0 };
      const faults = new WalkFaults();
      await withFolder(HeldFolder.openInbox(inbox), async (held) => {
        this.#isReadable = true;
        const walk = this.#walkOf(term, {
          onFolder: ({ path }) => folders.add(path),
          onIgnored: () => (counts.ignored += 1),
          onFault: (path, error) => {
            faults.add(path, error);
          },
        });
        for await (const files of walkFolder(held, walk)) {
          counts.images += files.length;
          counts.beyond += await this.#compare(files, isAsked ? 'try unreadable ones' : 'leave unreadable ones');
        }
        this.#watchers.keepOnly(folders);
        await forgetVanished({ inbox: held, store, signal: term.signal });
      });
      const { summary, reasons } = faults;
      if (summary !== undefined && summary.count !== this.#report?.faults?.count)
        logger.warn({ faults: summary.count, reasons }, 'Parts of the inbox cannot be looked at');
      const durationMs = Math.round(performance.now() - startedAt);
      this.#report = { ...counts, faults: summary, durationMs, endedAt: Date.now() };
      metrics.scanSeconds.observe(durationMs / 1000);
      metrics.scannedAt.setToCurrentTime();
      logger.debug({ ...counts, folders: folders.size, durationMs }, 'The inbox was scanned');
      return 'looked';
    } finally {
      this.#isScanning = false;
    }
  }

  async #lookAtChanges(term: Term): Promise<Look> {
    const changes = this.#changed.take();
    if (changes.length === 0) return 'nothing to look at';
    await withFolder(HeldFolder.openInbox(this.#options.inbox), async (inbox) => {
      const walk = this.#walkOf(term, {
        onFolder: () => undefined,
        onIgnored: () => undefined,
        onFault: () => undefined,
      });
      for (const { folder, names } of changes) {
        await withFolderAt(inbox, folder, async (held) => {
          for await (const files of lookAtNames(held, names, walk)) await this.#compare(files, 'leave unreadable ones');
        }).catch((error: unknown) => {
          if (!isGone(error)) throw error;
        });
      }
    });
    return 'looked';
  }

  #walkOf(term: Term, { onFolder, onIgnored, onFault }: Pick<Walk, 'onFolder' | 'onIgnored' | 'onFault'>): Walk {
    return {
      signal: term.signal,
      left: this.#options.left,
      onIgnored,
      onFolder: (folder) => {
        this.#watchers.add(folder);
        onFolder(folder);
      },
      onFault: (path, error) => {
        this.#options.logger.debug({ path, reason: errnoOf(error) }, 'Something in the inbox cannot be looked at');
        onFault(path, error);
      },
    };
  }

  /** How many are new but cannot wait, for want of room. */
  async #compare(
    files: readonly SeenFile[],
    unreadable: 'try unreadable ones' | 'leave unreadable ones',
  ): Promise<number> {
    const { store, waiting, onKnown } = this.#options;
    const known = await store.inboxFiles(files.map(({ path }) => path));
    let beyond = 0;
    for (const file of files) {
      const row = known.get(file.path);
      if (row?.stamp !== file.stamp) beyond += Number(!waiting.note(file));
      else if (row.error === undefined) {
        if (row.jobId !== undefined) onKnown(file.path, row.jobId);
      } else if (unreadable === 'try unreadable ones' || Math.abs(Date.now() - row.updatedAt) > retryUnreadableMs)
        waiting.noteRepeat(file);
    }
    return beyond;
  }

  /** False when it failed; told once for each kind of trouble, and when it is over. */
  async #try(term: Term, work: () => Promise<Look>): Promise<boolean> {
    const { logger } = this.#options;
    try {
      if ((await work()) === 'nothing to look at') return true;
      if (this.#trouble !== undefined) logger.info('The inbox can be looked at again');
      this.#trouble = undefined;
      return true;
    } catch (error) {
      if (error instanceof TermOver || term.isOver) return false;
      const { code, cause } = OcrError.from(error);
      const errno = errnoOf(error);
      if (errno !== '') this.#isReadable = false;
      const reason = errno || code;
      if (this.#trouble === reason) return false;
      this.#trouble = reason;
      const fault = code === 'internal' && errno === '' ? { fault: placeOfFault(cause) } : {};
      logger.warn({ reason, ...fault }, 'The inbox cannot be looked at');
      return false;
    }
  }
}
