import { readFileSync } from 'node:fs';
import { UsageError } from './command-line.ts';
import { ocrUsage, parseOcrArguments } from './ocr-options.ts';
import { migrateUsage } from './migrate-usage.ts';
import { runOcr } from './ocr-command.ts';

const usage = `Usage: glyphmill COMMAND

  ocr       reads the text in images, without any service
  jobs      hands images to a running service, and asks for what came of them
  ingest    asks and steers the service that watches the inbox
  bench     says how many engines fit this machine and why, and how fast they read
  migrate   brings the schema of the service's database up to date

glyphmill COMMAND --help says more.
`;

/** Exit codes as shells know them: 2 a wrong command line, 128 + n ended by signal n. */
const exitCodes = { usage: 2, SIGINT: 130, SIGTERM: 143 } as const;

async function main(): Promise<number> {
  const [command, ...args] = process.argv.slice(2);
  try {
    switch (command) {
      case 'ocr':
        return await ocr(args);
      case 'jobs':
        return await jobs(args);
      case 'ingest':
        return await ingest(args);
      case 'bench':
        return await bench(args);
      case 'migrate':
        return await migrate(args);
      case '--version':
        process.stdout.write(version());
        return 0;
      case '--help':
      case '-h':
      case 'help':
        process.stdout.write(usage);
        return 0;
      case undefined:
      default:
        process.stderr.write(usage);
        return exitCodes.usage;
    }
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    process.stderr.write(`${error.message} (--help says how)\n`);
    return exitCodes.usage;
  }
}

async function ocr(args: readonly string[]): Promise<number> {
  const request = parseOcrArguments(args);
  switch (request.kind) {
    case 'help':
      process.stdout.write(ocrUsage);
      return 0;
    case 'version':
      process.stdout.write(version());
      return 0;
    case 'run': {
      const { stdin, stdout, stderr } = process;
      return interruptible((signal) =>
        runOcr(request.options, { cwd: workingFolder(), stdin, stdout, stderr, signal }),
      );
    }
  }
}

async function jobs(args: readonly string[]): Promise<number> {
  const { runJobs } = await import('./jobs/jobs-command.ts');
  const { env, stdin, stdout, stderr } = process;
  return interruptible((signal) => runJobs(args, { env, cwd: workingFolder(), stdin, stdout, stderr, signal }));
}

async function ingest(args: readonly string[]): Promise<number> {
  const { runIngest } = await import('./ingest/ingest-command.ts');
  return runIngest(args, process);
}

async function bench(args: readonly string[]): Promise<number> {
  const { benchUsage, parseBenchArguments } = await import('./bench/bench-options.ts');
  const { runBench } = await import('./bench/bench-command.ts');
  const options = parseBenchArguments(args);
  const { stdin, stdout, stderr } = process;
  if (options === undefined) {
    stdout.write(benchUsage);
    return 0;
  }
  return interruptible((signal) => runBench(options, { cwd: workingFolder(), stdin, stdout, stderr, signal }));
}

async function migrate(args: readonly string[]): Promise<number> {
  // Reading an image needs no database driver.
  const { runMigrate } = await import('@glyphmill/core/migrate');
  if (args.some((arg) => arg === '--help' || arg === '-h')) {
    process.stdout.write(migrateUsage);
    return 0;
  }
  if (args.length > 0) throw new UsageError(`migrate takes no ${args[0]}`);
  return runMigrate(process);
}

/** Gives `run` a signal that fires when the user has seen enough; its exit code, or that of an interrupt. */
async function interruptible(run: (signal: AbortSignal) => Promise<number>): Promise<number> {
  const stop = new AbortController();
  let exitCode: number | undefined;
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      // Whoever asks a second time does not want to wait for anything.
      if (stop.signal.aborted) process.exit(exitCodes[signal]);
      exitCode = exitCodes[signal];
      stop.abort();
    });
  }
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    // The reader (head, less) has seen enough: nothing to complain about.
    if (error.code !== 'EPIPE') throw error;
    stop.abort();
  });
  const code = await run(stop.signal);
  return exitCode ?? code;
}

/** npm runs scripts in the project's root; file names are meant relative to where the user typed them. */
function workingFolder(): string {
  const { npm_lifecycle_event: script, INIT_CWD: typedIn } = process.env;
  const takesNames = script === 'ocr' || script === 'jobs' || script === 'bench:machine';
  return takesNames && typedIn ? typedIn : process.cwd();
}

function version(): string {
  const manifest: unknown = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
  return `glyphmill ${(manifest as { version: string }).version}\n`;
}

// Not process.exit(): what was written to a pipe must arrive. Only a standard input that nobody closes is let go.
process.exitCode = await main();
process.stdin.unref?.();
