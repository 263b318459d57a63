import { type BlobStore, createBlobStore } from '@glyphmill/core/blobs';
import { type BlobSettings, databaseUrlOf } from '@glyphmill/core/config';
import type { Logger } from '@glyphmill/core/logging';
import type { Registry } from '@glyphmill/core/metrics';
import type { DeepReadiness } from '@glyphmill/core/ops-server';
import { createJobStore, type JobStore } from '@glyphmill/core/store';
import type { WorkerSettings } from '../worker-settings.ts';
import { createDurableMetrics, type DurableMetrics } from './durable-metrics.ts';
import { LeaseKeeper } from './lease-keeper.ts';
import { PictureKeeper } from './picture-keeper.ts';
import { StorePatience } from './store-patience.ts';
import { UploadReader } from './upload-reader.ts';

export interface StoreAccessOptions {
  readonly settings: BlobSettings & Pick<WorkerSettings, 'DATABASE_URL' | 'MIGRATE' | 'KEEP_IMAGES'>;
  readonly logger: Logger;
  readonly registry: Registry;
}

/** A worker that ends without a word keeps others from its jobs for so long, if the queue does not notice sooner. */
const leaseMs = 20_000;
const checkTimeoutMs = 2_000;

/** All that durable jobs need of the store and of the blobs; created → close(). */
export class StoreAccess {
  readonly leaseMs = leaseMs;
  readonly store: JobStore;
  readonly uploads: UploadReader;
  readonly pictures: PictureKeeper;
  readonly patience: StorePatience;
  readonly leases: LeaseKeeper;
  readonly metrics: DurableMetrics;
  readonly #blobs: BlobStore;
  readonly #uploadPatience: StorePatience;

  constructor({ settings, logger, registry }: StoreAccessOptions) {
    this.store = createJobStore({ databaseUrl: databaseUrlOf(settings), migrate: settings.MIGRATE, logger });
    this.#blobs = createBlobStore(settings);
    this.metrics = createDurableMetrics({
      registry,
      isStoreAway: () => this.patience.isKnownAway,
      areUploadsAway: () => this.#uploadPatience.isKnownAway,
      waiting: () => this.waiting,
    });
    const observed = {
      onCall: (operation: string, durationMs: number) => {
        this.metrics.observeCall(operation, durationMs);
      },
      onWaited: (durationMs: number) => {
        this.metrics.observeWait(durationMs);
      },
    };
    this.patience = new StorePatience({ check: () => this.store.check(), logger, ...observed });
    this.#uploadPatience = new StorePatience({
      place: 'place of uploads',
      begins: 'open',
      check: () => this.#blobs.check(),
      logger,
      ...observed,
    });
    this.uploads = new UploadReader({ blobs: this.#blobs, patience: this.#uploadPatience, logger });
    this.pictures = new PictureKeeper({
      blobs: this.#blobs,
      logger,
      keep: settings.KEEP_IMAGES,
      onLost: () => {
        this.metrics.observePicturesLost();
      },
    });
    this.store.ready.then(
      () => {
        this.patience.noteSuccess();
      },
      // Whoever started the worker ends it for this.
      () => undefined,
    );
    this.leases = new LeaseKeeper({
      renew: (claims, forMs) => this.store.renewLeases(claims, forMs),
      leaseMs,
      onRenewed: () => {
        this.patience.noteSuccess();
      },
      onFailure: (error) => {
        this.patience.noteFailure(error);
      },
    });
  }

  /** Whether work that needs the store or the uploads had better not be begun. */
  get isAway(): boolean {
    return this.patience.isAway || this.#uploadPatience.isAway;
  }

  /** How many jobs wait for the store or for uploads. */
  get waiting(): number {
    return this.patience.waiting + this.#uploadPatience.waiting;
  }

  async check(): Promise<DeepReadiness> {
    const [store, blobs] = await Promise.all([answers(this.store.check()), answers(this.#blobs.check())]);
    return {
      store: store ? { ok: true } : { ok: false, detail: 'The store cannot take jobs' },
      blobs: blobs ? { ok: true } : { ok: false, detail: 'Uploads cannot be read or stored' },
    };
  }

  async close(): Promise<void> {
    this.leases.close();
    this.patience.close();
    this.#uploadPatience.close();
    await this.store.close();
  }
}

async function answers(check: Promise<void>): Promise<boolean> {
  const timeout = Promise.withResolvers<boolean>();
  const timer = setTimeout(() => {
    timeout.resolve(false);
  }, checkTimeoutMs);
  const checked = check.then(
    () => true,
    () => false,
  );
  const answer = await Promise.race([checked, timeout.promise]);
  clearTimeout(timer);
  return answer;
}
