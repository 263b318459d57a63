import { randomBytes } from 'node:crypto';
import { S3Client } from '@aws-sdk/client-s3';
import { provideSeaweedFs } from './seaweedfs.ts';
import { startS3Server } from './s3-server.ts';

/** A real S3 server with a bucket. */
export interface TestS3 {
  readonly endpoint: string;
  readonly bucket: string;
  /** Another one for each start, so that a server that others use is as good as an empty one. */
  readonly prefix: string;
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
  /** For looking inside. */
  readonly client: S3Client;
  /** False on the server of TEST_S3_URL, which others may use: it cannot be broken. `test.skipIf(!s3.isOurs)`. */
  readonly isOurs: boolean;
  /** kill -9; what it has confirmed stays. */
  kill(): Promise<void>;
  /** Comes back with its data, at the same address. */
  start(): Promise<void>;
  /** Hangs: it keeps its connections and answers nothing. */
  pause(): void;
  resume(): void;
  stop(): Promise<void>;
}

/** Starts a server of its own in tmp, which takes some seconds, or uses the one that TEST_S3_URL names. */
export async function startS3({ logFile }: { readonly logFile?: string } = {}): Promise<TestS3> {
  const prefix = `test-${randomBytes(6).toString('hex')}`;
  const given = process.env['TEST_S3_URL'];
  if (given) return useServer(new URL(given), prefix);
  const credentials = { accessKeyId: 'glyphmill-tests', secretAccessKey: randomBytes(20).toString('hex') };
  const server = await startS3Server({ program: await provideSeaweedFs(), credentials, logFile });
  const client = connect(server.endpoint, credentials);
  return {
    ...server,
    bucket: 'blobs',
    prefix,
    credentials,
    client,
    isOurs: true,
    async stop() {
      client.destroy();
      await server.stop();
    },
  };
}

function useServer(url: URL, prefix: string): TestS3 {
  const credentials = {
    accessKeyId: decodeURIComponent(url.username),
    secretAccessKey: decodeURIComponent(url.password),
  };
  const client = connect(url.origin, credentials);
  const refuse = (): never => {
    throw new Error('The server of TEST_S3_URL is not ours to break: look at isOurs first');
  };
  return {
    endpoint: url.origin,
    bucket: url.pathname.slice(1),
    prefix,
    credentials,
    client,
    isOurs: false,
    kill: async () => refuse(),
    start: async () => refuse(),
    pause: refuse,
    resume: refuse,
    async stop() {
      client.destroy();
    },
  };
}

function connect(endpoint: string, credentials: TestS3['credentials']): S3Client {
  return new S3Client({
    endpoint,
    credentials,
    region: 'us-east-1',
    forcePathStyle: true,
    requestChecksumCalculation: 'WHEN_REQUIRED',
  });
}
