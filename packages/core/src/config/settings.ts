import { z } from 'zod';
import {
  anyText,
  bucketUrlText,
  bytesText,
  choicesText,
  choiceText,
  cidrListText,
  databaseUrlText,
  fractionText,
  hostListText,
  hostPatternListText,
  httpUrlText,
  integerText,
  originText,
  keyValueListText,
  pixelsText,
  redisUrlText,
  userNameText,
  webhookSecretText,
} from './texts.ts';

/** What docs/configuration.md says of a setting; kept in zod's registry beside its schema. */
export interface SettingNotes {
  readonly description: string;
  /** As the operator would write it; 'unset' and the like where there is none. */
  readonly default: string;
}

export const settingNotes = z.registry<SettingNotes>();

function noted<S extends z.ZodType>(schema: S, value: string, description: string): S {
  settingNotes.add(schema, { description, default: value });
  return schema;
}

function withDefault<S extends z.ZodType<unknown, string>>(schema: S, value: string, description: string) {
  return noted(schema.prefault(value as z.input<S>), value, description);
}

function unset<S extends z.ZodType>(schema: S, meaning: string, description: string) {
  return noted(schema.optional(), meaning, description);
}

const port = integerText(0, 65_535);
/** setTimeout cannot wait longer than 2^31 - 1 ms. */
const maxTimeoutMs = 2 ** 31 - 1;
const milliseconds = integerText(1, maxTimeoutMs);
/** Kept as a date in the store, no timer waits for it: a hundred years. */
const longMilliseconds = integerText(1, 100 * 365 * 86_400_000);

/**
 * One zod schema for each environment variable. A service picks those that it reads:
 * `z.object({ PORT: settings.port(8000), LOG_LEVEL: settings.logLevel })`. Input: text; an empty string counts as unset.
 */
export const settings = {
  host: withDefault(anyText(), '127.0.0.1', 'Address to listen on; 0.0.0.0 in container images.'),
  port: (value: number) => withDefault(port, String(value), 'Port of the service; 0 picks a free one.'),
  webPort: withDefault(port, '5000', 'Port of the page; 0 picks a free one.'),
  opsPort: (value: number) =>
    withDefault(port, String(value), 'Port of /livez, /readyz and /metrics; 0 picks a free one.'),
  dataDir: withDefault(anyText(), './data', 'Folder of the database, uploads and sockets.'),
  redisUrl: noted(
    redisUrlText(),
    "required; all-in-one's own where it runs",
    'Redis that carries the queue: redis://, rediss:// or unix:///path. Nothing in it is kept on disk.',
  ),
  databaseUrl: unset(
    databaseUrlText(),
    'file:DATA_DIR/ocr_data.db',
    'Where durable jobs are kept: file:PATH (SQLite) or postgres://user:password@host/database.',
  ),
  blobUrl: unset(
    bucketUrlText(),
    'files in DATA_DIR/blobs',
    'Where uploads and pictures are kept: s3://BUCKET or s3://BUCKET/PREFIX, in an object store that speaks S3.',
  ),
  s3Endpoint: unset(
    originText(),
    "Amazon's of S3_REGION",
    'Where the object store is, such as https://s3.example.com; buckets are then named in the path.',
  ),
  s3Region: withDefault(anyText(), 'us-east-1', 'Region of the bucket; many servers other than Amazon take any.'),
  s3AccessKeyId: unset(
    anyText(),
    "where Amazon's clients look",
    'Name of the key to the bucket; needs S3_SECRET_ACCESS_KEY too. Without both: AWS_* variables, web identity, instance.',
  ),
  s3SecretAccessKey: unset(
    anyText(),
    "where Amazon's clients look",
    'The key itself; needs S3_ACCESS_KEY_ID too. Uploads and pictures can be read and changed with it.',
  ),
  migrate: withDefault(
    choiceText(['auto', 'never']),
    'auto',
    "Whether a starting service brings the database's schema up to date: auto, or never (glyphmill migrate does it then).",
  ),
  basicAuthUsername: unset(userNameText(), 'unset: open', 'User name of HTTP Basic; needs BASIC_AUTH_PASSWORD too.'),
  basicAuthPassword: unset(anyText(), 'unset: open', 'Password of HTTP Basic; needs BASIC_AUTH_USERNAME too.'),
  model: withDefault(choiceText(['small', 'tiny']), 'small', 'small (documents) or tiny (speed).'),
  modelPrecision: withDefault(
    choiceText(['auto', 'int8', 'fp32']),
    'auto',
    'What the models compute in: int8 (8 bits where that costs no accuracy), fp32, or auto: int8 on processors with instructions for it. With cuda always fp32.',
  ),
  lanes: withDefault(
    choicesText(['interactive', 'bulk']),
    'interactive,bulk',
    'Which jobs a worker takes, comma separated: interactive (of POST /analyze), bulk (all others). Each lane needs a worker.',
  ),
  engineProcesses: unset(
    integerText(1, 1024),
    'cores it may use; 1 with cuda',
    'Engine processes of a worker; by default one for each physical core within its CPU quota, or fewer with more threads each where its memory does not hold so many. The worker logs what decided it. With cuda one for each GPU.',
  ),
  engineProvider: withDefault(
    choiceText(['cpu', 'cuda']),
    'cpu',
    'What the models run on: cpu or cuda. A worker that cannot use CUDA does not start.',
  ),
  engineFallback: withDefault(
    choiceText(['none', 'cpu']),
    'none',
    'What a worker that cannot use CUDA runs on instead: none (it does not start), or cpu (with a warning).',
  ),
  maxBatchSize: withDefault(
    integerText(1, 64),
    '16',
    'With cuda: inputs that a network is given at once at most. An engine has twice as many pages in hand.',
  ),
  maxQueueDelayMs: withDefault(
    integerText(0, 1_000),
    '10',
    'With cuda: how long an input waits for others at most before it goes as it is.',
  ),
  gpuMemoryLimit: unset(
    bytesText(),
    'unset: none',
    'With cuda: device memory that batches are made to fit into, by estimate (docs/gpu.md); 4GB is understood.',
  ),
  cudaVisibleDevices: unset(
    anyText(),
    'unset: all',
    "With cuda: the GPUs that engines may see, in CUDA's own words; the first engine takes the first of them, and so on.",
  ),
  fetchAllowCidrs: withDefault(
    cidrListText(),
    '',
    'Private address ranges that images may be fetched from and webhooks sent to, comma separated.',
  ),
  fetchAllowHosts: unset(
    hostPatternListText(),
    'any public host',
    'The only hosts that images may be fetched from and webhooks sent to, comma separated; *.example.com is understood.',
  ),
  maxImageBytes: withDefault(bytesText(), '20MB', 'Largest image, in bytes; 20MB and 1GB are understood.'),
  maxImagePixels: withDefault(pixelsText(), '40MP', 'Largest image, in pixels; 40MP is understood.'),
  syncTimeoutMs: withDefault(milliseconds, '30000', 'How long POST /analyze waits for the answer.'),
  pageTimeoutMs: withDefault(milliseconds, '20000', 'How long one page may run in an engine.'),
  fetchTimeoutMs: withDefault(milliseconds, '15000', 'How long one download, or one webhook, may take in all.'),
  mailboxTtlMs: withDefault(milliseconds, '120000', 'How long an answer that nobody fetched is kept in Redis.'),
  maxAttempts: withDefault(
    integerText(1, 100),
    '3',
    'How often a durable job is run at most when its failures are worth another try.',
  ),
  retryDelayMs: withDefault(
    integerText(1, 600_000),
    '10000',
    'How long a failed job waits at most before its second attempt; each further wait may be three times as long.',
  ),
  jobDeadlineMs: unset(
    longMilliseconds,
    'unset: none',
    'A durable job that has not ended after so long fails, unless its request says otherwise.',
  ),
  queueLimit: withDefault(
    integerText(1, 1_000_000_000),
    '100000',
    'Unfinished durable jobs from which on POST /jobs answers 429.',
  ),
  resultTtlMs: unset(
    longMilliseconds,
    'unset: kept for ever',
    'How long a durable job is kept after its end, with its lines and pictures. Its upload goes an hour after nobody needs it any more.',
  ),
  webhookSecret: unset(
    webhookSecretText(),
    'unset: no webhooks',
    'Key that webhooks are signed with: 16 characters or more, or whsec_ and the base64 of 24 bytes or more; without it callback_url is refused.',
  ),
  drainGraceMs: withDefault(
    integerText(0, maxTimeoutMs),
    '25000',
    'How long a stopping worker may finish its pages; the rest goes back to the queue.',
  ),
  engineMemoryLimit: unset(
    bytesText(),
    '1GB; 8GB with cuda',
    'An engine process above this is replaced, once it has no page in hand; 700MB is understood.',
  ),
  minConfidence: withDefault(fractionText(), '0.5', 'Lines below this confidence are left out.'),
  keepImages: withDefault(
    choiceText(['preview', 'none']),
    'preview',
    'Pictures of durable jobs that are kept beside their text: preview (drawn anew, 1,600 pixels at most), or none.',
  ),
  allowedHosts: unset(
    hostListText(),
    'loopback names when bound to loopback, else any',
    'Values of the Host header that the API and the page answer to, comma separated, without ports; * allows any.',
  ),
  inboxDir: unset(
    anyText(),
    'DATA_DIR/inbox',
    'Folder that is watched for images. The default one is made; another has to be there, and may be read-only.',
  ),
  ingestBatchSize: withDefault(
    integerText(1, 1000),
    '2',
    'Images that are taken from the inbox at a time; 50 times as many of its jobs, and 1,000 at most, may be unfinished.',
  ),
  ingestAfter: withDefault(
    choiceText(['keep', 'move']),
    'keep',
    'What becomes of files that were read: keep leaves them as they are, move puts them into done/ or failed/.',
  ),
  ingestRescanMs: withDefault(
    integerText(100, maxTimeoutMs),
    '10000',
    'How long after a scan of the whole inbox the next one begins; after long scans nine times as long as they took.',
  ),
  ingestSettleMs: withDefault(
    integerText(10, 3_600_000),
    '1500',
    'How long a file must stay as it is before it is taken; twenty times as long if it is empty, and a minute if its end is missing.',
  ),
  otlpEndpoint: unset(
    httpUrlText(),
    'unset: no tracing',
    'Base URL of an OpenTelemetry collector (OTLP over HTTP, protobuf; the path /v1/traces is added), such as http://localhost:4318.',
  ),
  otlpHeaders: unset(
    keyValueListText(),
    'none',
    'Headers for the collector: name=value, comma separated; a secret most likely.',
  ),
  otelServiceName: unset(anyText(), 'glyphmill-api and the like', 'What the service calls itself in traces.'),
  otelResourceAttributes: unset(
    keyValueListText(),
    'none',
    'More attributes of the service in traces: name=value, comma separated.',
  ),
  otelTracesSampler: withDefault(
    choiceText([
      'always_on',
      'always_off',
      'traceidratio',
      'parentbased_always_on',
      'parentbased_always_off',
      'parentbased_traceidratio',
    ]),
    'parentbased_always_on',
    'Which traces are recorded; after parentbased_ stands what holds where the caller has not decided.',
  ),
  otelTracesSamplerArg: withDefault(fractionText(), '1', 'The share of traces that samplers named ...ratio record.'),
  logLevel: withDefault(
    choiceText(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']),
    'info',
    'Least severe log lines that are written.',
  ),
} as const;
