import { ConfigError, parseEnvironment } from '@glyphmill/core/config';
import { createLogger } from '@glyphmill/core/logging';
import { apiSettings } from './api-settings.ts';
import { startApi } from './start-api.ts';

async function main(): Promise<void> {
  const settings = parseEnvironment(apiSettings, process.env);
  const logger = createLogger({ service: 'api', level: settings.LOG_LEVEL });
  const api = await startApi(settings, logger);
  logger.info({ host: settings.HOST, port: api.port, opsPort: api.opsPort }, 'listening');
  process.send?.({ type: 'listening', port: api.port, opsPort: api.opsPort });

  let stopping = false;
  const stop = (reason: string) => {
    // Who asks twice does not want to wait for the grace.
    if (stopping) process.exit(1);
    stopping = true;
    logger.info({ reason }, 'stopping');
    api.stop().then(
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

try {
  await main();
} catch (error) {
  console.error(error instanceof ConfigError ? error.message : error);
  process.exit(1);
}
