import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startPrometheus, type TestPrometheus } from '@glyphmill/test-servers/prometheus';
import { type OneMachine, startOneMachine } from './one-machine.ts';

const ours = fileURLToPath(new URL('../../monitoring/prometheus', import.meta.url));

/** All of Glyphmill on one machine, and a Prometheus that scrapes it by monitoring/prometheus, but every second. */
export interface ScrapedMachine {
  readonly machine: OneMachine;
  readonly prometheus: TestPrometheus;
  stop(): Promise<void>;
}

export async function startScrapedMachine(): Promise<ScrapedMachine> {
  const machine = await startOneMachine();
  const folder = await mkdtemp(join(tmpdir(), 'glyphmill-scraped-'));
  try {
    const configFile = await copyConfig(folder, machine.program.opsPort);
    const prometheus = await startPrometheus({ configFile });
    return {
      machine,
      prometheus,
      async stop() {
        await prometheus.stop();
        await machine.stop();
        await rm(folder, { recursive: true, force: true });
      },
    };
  } catch (error) {
    await machine.stop();
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
}

async function copyConfig(folder: string, firstOpsPort: number): Promise<string> {
  await cp(join(ours, 'rules'), join(folder, 'rules'), { recursive: true });
  const rules = (await readdir(join(folder, 'rules'))).map((name) => join(folder, 'rules', name));
  const configFile = join(folder, 'prometheus.yml');
  await cp(join(ours, 'one-machine.yml'), configFile);
  for (const file of [configFile, ...rules]) {
    const text = (await readFile(file, 'utf8'))
      .replaceAll(/^( *(?:scrape_|evaluation_)?(?:interval|timeout)): \w+$/gm, '$1: 1s')
      .replaceAll(/127\.0\.0\.1:946(\d)/g, (_, digit: string) => `127.0.0.1:${firstOpsPort + Number(digit) - 4}`);
    await writeFile(file, text);
  }
  return configFile;
}
