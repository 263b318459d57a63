import path from 'node:path';
import { ConfigError, parseEnvironment } from '@glyphmill/core/config';
import type { AllInOneSettings } from './all-in-one-settings.ts';
import type { BackoffOptions } from './backoff.ts';
import { everySetting, type Environment } from './child-environments.ts';
import { prepareDataFolder, type DataFolder } from './data-folder.ts';
import { lockDataFolder } from './instance-lock.ts';
import { createChildRecord, type ChildRecord } from './leftovers.ts';
import { createLogOutput, type LogOutput } from './log-output.ts';
import type { ProcessListener } from './managed-process.ts';
import { choosePorts, type Ports } from './ports.ts';
import { redisPlan } from './redis-plan.ts';
import { servicePlans, servicePrograms, type Programs } from './service-plans.ts';
import { StartError } from './start-error.ts';
import { summarize } from './summary.ts';
import { Supervisor } from './supervisor.ts';

export interface RunOptions {
  readonly env: Environment;
  write(text: string): void;
  /** Whether what is written is read on a terminal. */
  readonly forPeople: boolean;
  /** Fires when the program shall stop. */
  readonly stop: AbortSignal;
  /** Fires when it shall stop at once. */
  readonly kill: AbortSignal;
  readonly programs?: Programs;
  readonly backoff?: BackoffOptions;
}

const usualBackoff: BackoffOptions = { firstMs: 250, maxMs: 30_000, resetAfterMs: 60_000 };
/** What a killed predecessor's children may take to stop before they are killed too. */
const leftoverGraceMs = 5_000;

/**
 * Starts everything and keeps it running until `stop` fires; resolves when nothing is left.
 * Throws StartError or ConfigError, with everything stopped, when it cannot run.
 */
export async function runAllInOne(options: RunOptions): Promise<void> {
  const settings = parseEnvironment(everySetting, options.env);
  const output = createLogOutput({ ...options, level: settings.LOG_LEVEL });
  const folder = prepareDataFolder(settings.DATA_DIR);
  const lock = lockDataFolder(folder.path);
  try {
    const children = createChildRecord(folder.path);
    const ended = await children.endLeftovers(leftoverGraceMs);
    if (ended.length > 0) output.event('warn', 'Ended what a killed instance had left behind', { children: ended });
    await supervise(options, { settings, output, folder, children });
  } finally {
    folder.clean();
    lock.release();
  }
}

interface Surroundings {
  readonly settings: AllInOneSettings;
  readonly output: LogOutput;
  readonly folder: DataFolder;
  readonly children: ChildRecord;
}

async function supervise(options: RunOptions, surroundings: Surroundings): Promise<void> {
  const { settings, output, folder } = surroundings;
  const { env, stop, kill } = options;
  const ports = await choosePorts(settings);
  const supervisor = new Supervisor(plans(options, surroundings, ports), listener(surroundings), {
    ...usualBackoff,
    ...options.backoff,
  });
  const stopRequested = new Promise<void>((resolve) => {
    if (stop.aborted) resolve();
    stop.addEventListener('abort', () => {
      resolve();
    });
  });
  kill.addEventListener('abort', () => {
    supervisor.kill();
  });
  const stopped = stopRequested.then(async () => {
    output.event('info', 'Stopping');
    await supervisor.stop();
  });
  await supervisor.start();
  if (!stop.aborted) {
    const engineProcesses = env['ENGINE_PROCESSES'] || 'one for each core, as memory allows';
    output.say(
      summarize({ settings, ports, dataFolder: folder.path, inbox: inboxOf(settings, folder), engineProcesses }),
    );
  }
  await stopped;
}

function plans({ env, programs = servicePrograms }: RunOptions, { settings, folder }: Surroundings, ports: Ports) {
  const services = (redisUrl: string) =>
    servicePlans({ programs, settings, env, ports, redisUrl, dataFolder: folder.path });
  if (settings.REDIS_URL !== undefined) return services(settings.REDIS_URL);
  const redis = redisPlan({ program: env['REDIS_SERVER'] || 'redis-server', socketPath: folder.socketPath });
  return [redis, ...services(socketUrl(folder.socketPath))];
}

/** As the folder watcher understands it. */
function inboxOf({ INBOX_DIR }: AllInOneSettings, folder: DataFolder): string {
  return path.resolve(INBOX_DIR ?? path.join(folder.path, 'inbox'));
}

/** A folder's name may hold what means something else in a URL. */
function socketUrl(socketPath: string): string {
  return `unix://${socketPath.split('/').map(encodeURIComponent).join('/')}`;
}

function listener({ output, children }: Surroundings): ProcessListener {
  return {
    onLine(name, line) {
      output.childLine(name, line);
    },
    onEvent(name, event) {
      switch (event.type) {
        case 'started':
          children.write(name, event.pid);
          output.event('info', `Started ${name}`, { child: event.pid });
          break;
        case 'ready':
          output.event('info', `${name} is ready`);
          break;
        case 'exited':
          output.event('error', `${name} has ended by itself and will be started again`, {
            how: event.how,
            restartInMs: event.restartInMs,
          });
          break;
        case 'killed':
          output.event('warn', `Killed ${name}: it did not stop in time`);
          break;
        case 'stopped':
          children.remove(name);
          output.event('info', `Stopped ${name}`);
          break;
      }
    },
  };
}

/** What to tell whoever started it; undefined for a defect, whose stack should be seen. */
export function explainFailure(error: unknown): string | undefined {
  return error instanceof StartError || error instanceof ConfigError ? error.message : undefined;
}
