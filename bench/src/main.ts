import { benchUsage, runBench } from './bench-command.ts';
import { UsageError, type Surroundings } from './bench-surroundings.ts';
import { peersUsage, runPeers } from './peers-command.ts';
import { runSoak, soakUsage } from './soak.ts';

interface Command {
  readonly usage: string;
  readonly run: (args: readonly string[], surroundings: Surroundings) => Promise<void>;
}

const commands: ReadonlyMap<string, Command> = new Map([
  ['peers', { usage: peersUsage, run: runPeers }],
  ['soak', { usage: soakUsage, run: runSoak }],
]);

const surroundings: Surroundings = {
  // npm runs scripts in the project's root; names are meant relative to where the user typed them.
  cwd: (/^(bench|e2e:soak)/.test(process.env['npm_lifecycle_event'] ?? '') && process.env['INIT_CWD']) || process.cwd(),
  env: process.env,
  print: (text) => void process.stdout.write(`${text}\n`),
  note: (text) => void process.stderr.write(`${text} …\n`),
};

async function main(): Promise<number> {
  const args = process.argv.slice(2);
  const named = commands.get(args[0] ?? '');
  const { usage, run } = named ?? { usage: benchUsage, run: runBench };
  const rest = named === undefined ? args : args.slice(1);
  if (rest.includes('--help') || rest.includes('-h')) {
    process.stdout.write(usage);
    return 0;
  }
  try {
    await run(rest, surroundings);
    return 0;
  } catch (error) {
    if (error instanceof UsageError || isArgumentError(error)) {
      process.stderr.write(`${error.message}\n\n${usage}`);
      return 2;
    }
    throw error;
  }
}

/** What node:util's parseArgs throws for flags that it does not know. */
function isArgumentError(error: unknown): error is Error {
  return error instanceof TypeError && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS');
}

process.exitCode = await main();
