import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { type KernelName, kernelNames, kernels } from './kernels.ts';

/** Instructions per pixel, step or line. */
export type Counts = Readonly<Record<KernelName, number>>;

const program = fileURLToPath(new URL('run-kernels.ts', import.meta.url));

/** What `os.getPriority()` is in libuv; nothing else in the program calls it. */
const markFunction = 'uv_os_getpriority';

/**
 * Everything in one thread and at its place, so that the same instructions are executed whatever else the machine does:
 * V8 would compile and collect garbage in threads beside, finish earlier or later, and time its collections by the clock.
 * The seeds are of the hashes of property names and of Math.random.
 */
const nodeFlags = ['--single-threaded', '--predictable', '--hash-seed=1', '--random-seed=1'];

/** Far more than it takes; nothing is left running when it hangs. */
const timeoutMs = 8 * 60_000;

/**
 * Counts the instructions of all kernels in one run under Valgrind, whose simulated processor counts them exactly and has
 * no AVX-512, so that V8 compiles the same code on every x64 machine of the last ten years. Takes a minute of processor
 * time, hundreds of times as long as the kernels do. Throws if `valgrind` (a path) cannot be run, or the program fails.
 */
export async function countInstructions(valgrind: string): Promise<Counts> {
  const folder = await mkdtemp(path.join(tmpdir(), 'glyphmill-instructions-'));
  try {
    const dump = path.join(folder, 'dump');
    const callgrind = ['--tool=callgrind', `--callgrind-out-file=${dump}`, `--dump-before=${markFunction}`];
    // No environment: its size moves the stack, and NODE_OPTIONS would change what is run.
    await promisify(execFile)(valgrind, [...callgrind, process.execPath, ...nodeFlags, program], {
      env: {},
      timeout: timeoutMs,
      killSignal: 'SIGKILL',
    });
    // Each mark ends a dump, numbered from 1: a kernel's warm-up, then what counts.
    const totals = await Promise.all(kernelNames.map((_, index) => totalOf(`${dump}.${2 * index + 2}`)));
    return Object.fromEntries(
      kernelNames.map((name, index) => {
        const { calls, unitsPerCall } = kernels[name];
        return [name, (totals[index] ?? Number.NaN) / (calls * unitsPerCall)];
      }),
    ) as Record<KernelName, number>;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function totalOf(dump: string): Promise<number> {
  const [, total] = /^totals: (\d+)$/m.exec(await readFile(dump, 'utf8')) ?? [];
  if (total === undefined) throw new Error('Valgrind wrote a dump without a total');
  return Number(total);
}
