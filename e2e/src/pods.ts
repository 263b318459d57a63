import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startPostgres, type TestPostgres } from '@glyphmill/test-servers/postgres';
import { startRedis, type TestRedis } from '@glyphmill/test-servers/redis';
import { startS3, type TestS3 } from '@glyphmill/test-servers/s3';
import { enginesOf, environOf } from './process-table.ts';
import { type Leak, searchBytes, searchFolder, type Secret } from './leak-search.ts';
import { freePort } from '@glyphmill/test-servers/free-port';
import { ServiceProcess } from './service-process.ts';

type Environment = Readonly<Record<string, string>>;
type Service = 'api' | 'worker' | 'ingest' | 'web';

/** One process as if it had a machine to itself: a data folder and a folder for temporary files that no other has. */
export interface Pod {
  readonly process: ServiceProcess;
  readonly folder: string;
  /** Where it answers users, if it does. */
  readonly port: number;
}

const defaults: Environment = { HOST: '127.0.0.1', MODEL: 'tiny', ENGINE_PROCESSES: '1', LOG_LEVEL: 'trace' };

/** Pods that have nothing in common but Redis, Postgres and a bucket, whose servers can be broken. */
export class Pods {
  readonly redis: TestRedis;
  readonly postgres: TestPostgres;
  readonly s3: TestS3;
  readonly all: Pod[] = [];
  readonly #folder: string;
  #started = 0;

  private constructor(parts: { redis: TestRedis; postgres: TestPostgres; s3: TestS3; folder: string }) {
    this.redis = parts.redis;
    this.postgres = parts.postgres;
    this.s3 = parts.s3;
    this.#folder = parts.folder;
  }

  static async open(): Promise<Pods> {
    const folder = await mkdtemp(join(tmpdir(), 'glyphmill-pods-'));
    const [redis, postgres, s3] = await Promise.all([startRedis(), startPostgres(), startS3()]);
    return new Pods({ redis, postgres, s3, folder });
  }

  /** The settings that all of them have in common. */
  get shared(): Environment {
    const { bucket, prefix, endpoint, credentials } = this.s3;
    return {
      REDIS_URL: this.redis.url,
      DATABASE_URL: this.postgres.url,
      BLOB_URL: `s3://${bucket}/${prefix}`,
      S3_ENDPOINT: endpoint,
      S3_ACCESS_KEY_ID: credentials.accessKeyId,
      S3_SECRET_ACCESS_KEY: credentials.secretAccessKey,
    };
  }

  async start(service: Service, env: Environment = {}): Promise<Pod> {
    this.#started += 1;
    const name = `${service}-${this.#started}`;
    const folder = join(this.#folder, name);
    await Promise.all(['data', 'tmp', 'logs'].map((part) => mkdir(join(folder, part), { recursive: true })));
    const [port, opsPort] = [await freePort(), await freePort()];
    const process = new ServiceProcess({
      name,
      service,
      env: {
        ...defaults,
        ...this.shared,
        PORT: String(port),
        WEB_PORT: String(port),
        OPS_PORT: String(opsPort),
        DATA_DIR: join(folder, 'data'),
        TMPDIR: join(folder, 'tmp'),
        ...env,
      },
      folder,
      logFolder: join(folder, 'logs'),
      opsPort,
    });
    const pod = { process, folder, port };
    this.all.push(pod);
    await process.ready();
    return pod;
  }

  /** Files of any pod that are more than a log, by pod. */
  async files(): Promise<string[]> {
    const found = await Promise.all(
      this.all.map(async ({ process, folder }) => {
        const entries = await readdir(folder, { recursive: true, withFileTypes: true });
        return entries.filter((entry) => entry.isFile()).map(({ name }) => `${process.name}/${name}`);
      }),
    );
    return found.flat().filter((name) => !name.endsWith('.log'));
  }

  /** The secret key, where it has no business: in files, logs and what engines can see. */
  async findLeaks(): Promise<Leak[]> {
    const { credentials } = this.s3;
    const secrets: Secret[] = [{ what: 'the key to the bucket', bytes: Buffer.from(credentials.secretAccessKey) }];
    // Had the search itself gone blind, it would find nothing here either.
    const own = environOf(this.all[0]!.process.pid);
    if (searchBytes('', own, secrets).length !== 1) throw new Error('The search finds nothing');
    const inFiles = await Promise.all(this.all.map(({ folder }) => searchFolder(folder, secrets)));
    const engines = this.all.flatMap(({ process }) => enginesOf(process.pid));
    return [...inFiles.flat(), ...engines.flatMap((pid) => searchBytes('an engine', environOf(pid), secrets))];
  }

  async close(): Promise<void> {
    await Promise.all(this.all.map(({ process }) => process.stop(5_000)));
    await Promise.all([this.redis.stop(), this.postgres.stop(), this.s3.stop()]);
    if (process.env['E2E_KEEP'] === '1') console.log(`Kept ${this.#folder}`);
    else await rm(this.#folder, { recursive: true, force: true });
  }
}
