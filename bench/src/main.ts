import { batchUsage, runBatchBench } from './batch-bench.ts';
import { benchUsage, runBench } from './bench-command.ts';
import { UsageError, type Surroundings } from './bench-surroundings.ts';
import { runDemoLoad } from './demo-load/demo-load.ts';
import { demoUsage } from './demo-load/demo-options.ts';
import { capacityUsage, runCapacity } from './capacity/capacity-command.ts';
import { drawUsage, runDraw } from './draw-command.ts';
import { footprintUsage, runFootprint } from './capacity/footprint-command.ts';
import { jobsUsage, runJobsBench } from './jobs-bench.ts';
import { PeerSetupError } from './peers/peer-environment.ts';
import { peersUsage, runPeers } from './peers/peers-command.ts';
import { runScale, scaleUsage } from './scale/scale-command.ts';
import { runServiceTimes, serviceTimesUsage } from './simulation/service-times-command.ts';
import { runSimulations, simulateUsage } from './simulation/simulate-command.ts';
import { runSoak, soakUsage } from './soak.ts';
import { runStages, stagesUsage } from './stages/stages-command.ts';

interface Command {
  readonly usage: string;
  readonly run: (args: readonly string[], surroundings: Surroundings) => Promise<void>;
}

const commands: ReadonlyMap<string, Command> = new Map([
  ['batch', { usage: batchUsage, run: runBatchBench }],
  ['demo', { usage: demoUsage, run: runDemoLoad }],
  ['capacity', { usage: capacityUsage, run: runCapacity }],
  ['draw', { usage: drawUsage, run: runDraw }],
  ['footprint', { usage: footprintUsage, run: runFootprint }],
  ['jobs', { usage: jobsUsage, run: runJobsBench }],
  ['peers', { usage: peersUsage, run: runPeers }],
  ['scale', { usage: scaleUsage, run: runScale }],
  ['service-times', { usage: serviceTimesUsage, run: runServiceTimes }],
  ['simulate', { usage: simulateUsage, run: runSimulations }],
  ['soak', { usage: soakUsage, run: runSoak }],
  ['stages', { usage: stagesUsage, run: runStages }],
]);

const surroundings: Surroundings = {
  // npm runs scripts in the project's root; names are meant relative to where the user typed them.
  cwd:
    (/^(bench|demo|e2e:soak)/.test(process.env['npm_lifecycle_event'] ?? '') && process.env['INIT_CWD']) ||
    process.cwd(),
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
    if (error instanceof PeerSetupError) {
      process.stderr.write(`\n${error.message}\n`);
      return 1;
    }
    throw error;
  }
}

/** What node:util's parseArgs throws for flags that it does not know. */
function isArgumentError(error: unknown): error is Error {
  return error instanceof TypeError && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS');
}

process.exitCode = await main();
