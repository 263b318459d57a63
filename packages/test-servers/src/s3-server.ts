import { freePorts } from './free-port.ts';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { CreateBucketCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { createGuardedFolder } from './guarded-folder.ts';

export interface S3Server {
  readonly endpoint: string;
  kill(): Promise<void>;
  start(): Promise<void>;
  pause(): void;
  resume(): void;
  stop(): Promise<void>;
}

export interface S3ServerOptions {
  /** SeaweedFS's. */
  readonly program: string;
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
  readonly logFile?: string | undefined;
}

const startTimeoutMs = 60_000;
const bucket = 'blobs';
/** One process is all four: who knows of disks, who has one, who knows names, and who speaks S3. */
const parts = ['master', 'volume', 'filer', 's3'] as const;

/** A SeaweedFS of one process, with a bucket named `blobs`; the ports stay the same when it comes back. */
export async function startS3Server({ program, credentials, logFile }: S3ServerOptions): Promise<S3Server> {
  const folder = await createGuardedFolder({ prefix: 'glyphmill-s3-', endSignal: 'KILL' });
  const ports = await freePorts(parts.length * 2);
  const identities = join(folder.path, 'identities.json');
  const endpoint = `http://127.0.0.1:${ports.at(-2)}`;
  const command = [
    '-logtostderr',
    'server',
    `-dir=${join(folder.path, 'data')}`,
    '-ip=127.0.0.1',
    '-ip.bind=127.0.0.1',
    '-filer',
    '-s3',
    `-s3.config=${identities}`,
    '-s3.iam=false',
    '-s3.port.iceberg=0',
    '-s3.port.lance=0',
    '-s3.autoCreateBucket=false',
    '-master.telemetry=false',
    // Alone, it need not wait long for others to vote when it comes back.
    '-master.electionTimeout=1s',
    '-master.volumeSizeLimitMB=64',
    '-volume.max=20',
    '-volume.preStopSeconds=0',
    ...parts.flatMap((part, index) => [
      `-${part}.port=${ports[index * 2]}`,
      `-${part}.port.grpc=${ports[index * 2 + 1]}`,
    ]),
  ];
  let server: ChildProcess | undefined;

  const kill = async (): Promise<void> => {
    const ended = server;
    server = undefined;
    if (ended === undefined) return;
    if (ended.exitCode === null && ended.signalCode === null) {
      const exited = once(ended, 'exit');
      ended.kill('SIGKILL');
      await exited;
    }
    await folder.unwatch();
  };
  const start = async (): Promise<void> => {
    const log = logFile === undefined ? 'ignore' : openSync(logFile, 'a');
    server = spawn(program, command, { cwd: folder.path, stdio: ['ignore', log, log] });
    if (typeof log === 'number') closeSync(log);
    server.on('error', () => undefined);
    await folder.watch(server);
    await taking(endpoint, credentials, server);
  };

  try {
    await mkdir(join(folder.path, 'data'));
    await writeFile(identities, identitiesOf(credentials));
    await start();
  } catch (error) {
    await kill();
    await folder.release();
    throw error;
  }
  return {
    endpoint,
    kill,
    start,
    pause: () => void server?.kill('SIGSTOP'),
    resume: () => void server?.kill('SIGCONT'),
    async stop() {
      await kill();
      await folder.release();
    },
  };
}

function identitiesOf({ accessKeyId: accessKey, secretAccessKey: secretKey }: S3ServerOptions['credentials']): string {
  return JSON.stringify({
    identities: [{ name: 'tests', credentials: [{ accessKey, secretKey }], actions: ['Admin'] }],
  });
}

/** It answers before it can keep anything. */
async function taking(
  endpoint: string,
  credentials: S3ServerOptions['credentials'],
  server: ChildProcess,
): Promise<void> {
  const client = new S3Client({ endpoint, credentials, region: 'us-east-1', forcePathStyle: true, maxAttempts: 1 });
  const deadline = Date.now() + startTimeoutMs;
  try {
    for (;;) {
      if (server.pid === undefined) throw new Error('SeaweedFS cannot be run: look at SEAWEEDFS');
      if (server.exitCode !== null || server.signalCode !== null) throw new Error('SeaweedFS ended at once');
      const abortSignal = AbortSignal.timeout(5_000);
      try {
        // Of a bucket that is there already, only the second matters.
        await client.send(new CreateBucketCommand({ Bucket: bucket }), { abortSignal }).catch(() => undefined);
        await client.send(new PutObjectCommand({ Bucket: bucket, Key: 'is-it-up', Body: 'yes' }), { abortSignal });
        return;
      } catch (error) {
        if (Date.now() > deadline) throw new Error('SeaweedFS did not start in time', { cause: error });
      }
      await delay(100);
    }
  } finally {
    client.destroy();
  }
}
