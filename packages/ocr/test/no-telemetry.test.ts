import { execFile } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { createEnginePool } from '../src/pool/engine-pool.ts';

/** Each of ONNX Runtime's threads is named like the one that started it: the reports' is a second one of that name. */
const mainThread = 'MainThread';
const engineFile = fileURLToPath(new URL('../src/engine.ts', import.meta.url));

/** Says the names of its threads once its models are loaded. */
const program = `
  import { readdirSync, readFileSync } from 'node:fs';
  const { createEngine } = await import(${JSON.stringify(engineFile)});
  const engine = await createEngine({ model: 'tiny' });
  for (const id of readdirSync('/proc/self/task')) process.stdout.write(readFileSync('/proc/self/task/' + id + '/comm'));
  await engine.close();`;

describe.runIf(process.platform === 'linux')('there is no thread that would report their use to anybody', () => {
  test('in engine processes', async () => {
    const options = { model: 'tiny', processes: 1, pageTimeoutMs: 60_000, memoryLimitBytes: 2 ** 30 } as const;
    const pool = await createEnginePool(options);
    try {
      const [pid] = pool.stats().pids;
      const names = await Promise.all(
        (await readdir(`/proc/${pid}/task`)).map((id) => readFile(`/proc/${pid}/task/${id}/comm`, 'utf8')),
      );
      expect(names.filter((name) => name.trim() === mainThread)).toHaveLength(1);
    } finally {
      await pool.close();
    }
  });

  test('in a process of somebody who uses the library', async () => {
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', program]);
    expect(stdout.split('\n').filter((name) => name === mainThread)).toHaveLength(1);
  });
});
