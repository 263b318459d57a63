import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually } from './eventually.ts';
import { freePort, freePortsInARow } from '@glyphmill/test-servers/free-port';
import { ServiceProcess } from './service-process.ts';

/** All of Glyphmill on one machine, as `npm start` runs it, with a folder of its own. */
export interface OneMachine {
  readonly program: ServiceProcess;
  readonly dataDir: string;
  readonly apiPort: number;
  readonly webPort: number;
  /** Puts a file into the inbox, whole from the first moment. */
  drop(name: string, bytes: Uint8Array): Promise<void>;
  stop(): Promise<void>;
}

export async function startOneMachine(env: Readonly<Record<string, string>> = {}): Promise<OneMachine> {
  const folder = await mkdtemp(join(tmpdir(), 'glyphmill-page-'));
  const dataDir = join(folder, 'data');
  const logFolder = join(folder, 'logs');
  await mkdir(logFolder);
  const [apiPort, webPort, opsPort] = [await freePort(), await freePort(), await freePortsInARow(4)];
  const program = new ServiceProcess({
    name: 'all-in-one',
    service: 'all-in-one',
    env: {
      DATA_DIR: dataDir,
      PORT: String(apiPort),
      WEB_PORT: String(webPort),
      OPS_PORT: String(opsPort),
      MODEL: 'tiny',
      ENGINE_PROCESSES: '1',
      ...env,
    },
    folder,
    logFolder,
    opsPort,
  });
  await program.ready();
  await eventually(() => program.log().includes('Glyphmill is ready.'), { timeoutMs: 60_000, what: 'all services' });
  return {
    program,
    dataDir,
    apiPort,
    webPort,
    async drop(name, bytes) {
      const aside = join(folder, 'aside');
      await writeFile(aside, bytes);
      await rename(aside, join(dataDir, 'inbox', name));
    },
    async stop() {
      await program.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
