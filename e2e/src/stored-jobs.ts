import { randomBytes } from 'node:crypto';
import { createLogger } from '@glyphmill/core/logging';
import { createJobStore, type JobStore } from '@glyphmill/core/store';

/** What a worker would have read, were the picture there. */
export interface StoredResult {
  readonly name: string;
  readonly texts: readonly string[];
}

/** Writes results and failures into the database of a running Glyphmill, as its own services do. */
export class StoredJobs {
  readonly #store: JobStore;

  constructor(dataDir: string) {
    this.#store = createJobStore({
      databaseUrl: `file:${dataDir}/ocr_data.db`,
      migrate: 'never',
      logger: createLogger({ service: 'test', level: 'silent' }),
    });
  }

  /** Each line has its own place on the page, and a confidence between 0.5 and 1. */
  async succeed({ name, texts }: StoredResult): Promise<string> {
    const claim = await this.#claim(name);
    const lines = texts.map((text, index) => ({
      text,
      confidence: 0.5 + ((index * 7) % 50) / 100,
      box: boxAt(20 + index * 40),
    }));
    const result = { width: 1000, height: 60 + texts.length * 40, model: 'small', lines, timings: { recognize: 100 } };
    await this.#store.finishSucceeded(claim, { result, sha256: randomHex(32), engineVersion: '0' });
    return claim.id;
  }

  async fail({ name, message }: { readonly name: string; readonly message: string }): Promise<string> {
    const claim = await this.#claim(name);
    await this.#store.finishFailed(claim, { code: 'image_unreadable', message, retryable: false });
    return claim.id;
  }

  async #claim(name: string) {
    const id = newId();
    const source = { kind: 'blob', sha256: randomHex(32), bytes: 1, name } as const;
    await this.#store.ready;
    await this.#store.accept([{ id, lane: 'bulk', priority: 100, source }]);
    const answer = await this.#store.claim({ id, generation: 0, workerId: 'test', leaseMs: 60_000 });
    if (answer.kind !== 'claimed') throw new Error(`Another took the job: ${answer.kind}`);
    return answer.claim;
  }

  close(): Promise<void> {
    return this.#store.close();
  }
}

function boxAt(top: number): [[number, number], [number, number], [number, number], [number, number]] {
  return [
    [20, top],
    [980, top],
    [980, top + 30],
    [20, top + 30],
  ];
}

function randomHex(bytes: number): string {
  return randomBytes(bytes).toString('hex');
}

/** A UUID of version 7, as ids of jobs are. */
function newId(): string {
  const time = Date.now().toString(16).padStart(12, '0');
  const random = randomHex(10);
  return `${time.slice(0, 8)}-${time.slice(8)}-7${random.slice(0, 3)}-8${random.slice(3, 6)}-${random.slice(6, 18)}`;
}
