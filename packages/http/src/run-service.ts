import { inspect } from 'node:util';
import { ConfigError, parseEnvironment } from '@glyphmill/core/config';
import { createLogger, type Logger } from '@glyphmill/core/logging';
import type { z } from 'zod';

type Environment = Readonly<Record<string, string | undefined>>;
type ServiceSettings = z.ZodObject<{ HOST: z.ZodType<string>; LOG_LEVEL: z.ZodType<string> }>;

export interface RunningService {
  /** Absent where it has none but that of the ops server. */
  readonly port?: number;
  readonly opsPort: number;
  /** Settles only when the service cannot do its work and a restart would not help: with the reason. */
  readonly failed: Promise<Error>;
  /** Takes no new requests, ends those in flight (or cuts them off after the grace), then closes everything. */
  stop(): Promise<void>;
}

export interface ServiceOptions<S extends ServiceSettings> {
  /** As the log calls it. */
  readonly name: string;
  readonly settings: S;
  readonly env: Environment;
  readonly start: (settings: z.infer<S>, logger: Logger) => Promise<RunningService>;
}

/** The life of the process of a service that answers HTTP; it ends with process.exit. */
export async function runService<S extends ServiceSettings>(options: ServiceOptions<S>): Promise<void> {
  try {
    await serve(options);
  } catch (error) {
    process.stderr.write(`${error instanceof ConfigError ? error.message : inspect(error)}\n`);
    process.exit(1);
  }
}

async function serve<S extends ServiceSettings>({ name, settings, env, start }: ServiceOptions<S>): Promise<void> {
  const values = parseEnvironment(settings, env);
  const logger = createLogger({ service: name, level: values.LOG_LEVEL });
  const service = await start(values, logger);
  logger.info({ host: values.HOST, port: service.port, opsPort: service.opsPort }, 'listening');
  process.send?.({ type: 'listening', port: service.port, opsPort: service.opsPort });

  void service.failed.then((error) => {
    logger.fatal({ reason: error.message }, 'The service cannot do its work');
    process.exit(1);
  });
  stopOnRequest(service, logger);
}

function stopOnRequest(service: RunningService, logger: Logger): void {
  let stopping = false;
  const stop = (reason: string) => {
    // Who asks twice does not want to wait for the grace.
    if (stopping) process.exit(1);
    stopping = true;
    logger.info({ reason }, 'stopping');
    service.stop().then(
      () => process.exit(0),
      (error: unknown) => {
        logger.error({ reason: error instanceof Error ? error.message : 'unknown' }, 'Did not stop cleanly');
        process.exit(1);
      },
    );
  };
  process.on('SIGTERM', () => {
    stop('SIGTERM');
  });
  process.on('SIGINT', () => {
    stop('SIGINT');
  });
  // The supervisor that started this process is gone: nobody would ever stop it.
  process.on('disconnect', () => {
    if (!stopping) stop('parent gone');
  });
}
