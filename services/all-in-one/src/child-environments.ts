/** What any Node program may need of the machine it runs on: no setting of ours, and nothing secret. */
const machineVariables = ['PATH', 'HOME', 'TMPDIR', 'TZ', 'LANG', 'LC_ALL', 'NODE_EXTRA_CA_CERTS', 'SSL_CERT_FILE'];

/**
 * The settings that each service reads, so that a process holds no secret that it has no use for: the worker, which
 * parses what strangers send, never sees the password. A test keeps these lists equal to the services' schemas.
 */
export const serviceVariables = {
  api: [
    'HOST',
    'PORT',
    'OPS_PORT',
    'REDIS_URL',
    'BASIC_AUTH_USERNAME',
    'BASIC_AUTH_PASSWORD',
    'ALLOWED_HOSTS',
    'MAX_IMAGE_BYTES',
    'SYNC_TIMEOUT_MS',
    'MAILBOX_TTL_MS',
    'DRAIN_GRACE_MS',
    'LOG_LEVEL',
  ],
  worker: [
    'HOST',
    'OPS_PORT',
    'REDIS_URL',
    'MODEL',
    'ENGINE_PROCESSES',
    'ENGINE_PROVIDER',
    'ENGINE_MEMORY_LIMIT',
    'FETCH_ALLOW_CIDRS',
    'FETCH_ALLOW_HOSTS',
    'FETCH_TIMEOUT_MS',
    'MAX_IMAGE_BYTES',
    'MAX_IMAGE_PIXELS',
    'MIN_CONFIDENCE',
    'PAGE_TIMEOUT_MS',
    'MAILBOX_TTL_MS',
    'DRAIN_GRACE_MS',
    'LOG_LEVEL',
  ],
} as const;

export type ServiceName = keyof typeof serviceVariables;
export type Environment = Readonly<Record<string, string | undefined>>;

/** The environment of one service: its share of `env`, with `own` (ports, addresses) over it. */
export function childEnvironment(service: ServiceName, env: Environment, own: Environment): Record<string, string> {
  const result: Record<string, string> = {};
  for (const name of [...machineVariables, ...serviceVariables[service]]) {
    const value = own[name] ?? env[name];
    if (value !== undefined) result[name] = value;
  }
  return result;
}
