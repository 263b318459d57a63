import { ConfigError, parseEnvironment } from '@glyphmill/core/config';
import { createLogger, type Logger } from '@glyphmill/core/logging';
import { isEngineError } from './page-error.ts';
import { describeFault } from '@glyphmill/core/describe-fault';
import { Worker } from './worker.ts';
import { type WorkerSettings, workerSettings } from './worker-settings.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** Closing takes this long at most beyond the grace of the pages; whatever still hangs then is left behind. */
const closeTimeoutMs = 6_000;

function readSettings(env: Environment): WorkerSettings {
  try {
    return parseEnvironment(workerSettings, env);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exit(1);
  }
}

/** The first signal drains and exits with 0, a second one exits at once. */
function stopOnRequest(worker: Worker, graceMs: number, logger: Logger): void {
  let isStopping = false;
  const stop = (reason: string): void => {
    if (isStopping) {
      logger.warn({ reason }, 'Stopping at once');
      process.exit(1);
    }
    isStopping = true;
    logger.info({ reason, graceMs }, 'Draining');
    setTimeout(() => {
      logger.error('Closing took too long');
      process.exit(1);
    }, graceMs + closeTimeoutMs);
    worker.drain(graceMs).then(
      () => process.exit(0),
      (error: unknown) => {
        logger.fatal({ fault: describeFault(error) }, 'Draining failed');
        process.exit(1);
      },
    );
  };
  process.on('SIGTERM', () => stop('SIGTERM'));
  process.on('SIGINT', () => stop('SIGINT'));
  // Started by a supervisor over a channel: when that is gone, nobody is left to stop us.
  if (process.connected) process.once('disconnect', () => stop('the parent is gone'));
}

/** The life of the worker's process; it ends with process.exit. */
export async function runWorker(env: Environment): Promise<void> {
  const settings = readSettings(env);
  const logger = createLogger({ service: 'worker', level: settings.LOG_LEVEL });
  process.on('uncaughtException', (error) => {
    logger.fatal({ fault: describeFault(error) }, 'Uncaught');
    process.exit(1);
  });
  const worker = new Worker(settings, logger);
  stopOnRequest(worker, settings.DRAIN_GRACE_MS, logger);
  worker.storeFits.catch((error: unknown) => {
    logger.fatal({ reason: error instanceof Error ? error.message : 'unknown' }, 'This version does not fit the store');
    process.exit(1);
  });
  try {
    await worker.start();
  } catch (error) {
    if (isEngineError(error)) logger.fatal({ code: error.code }, error.message);
    else logger.fatal({ fault: describeFault(error) }, 'The worker did not start');
    process.exit(1);
  }
}
