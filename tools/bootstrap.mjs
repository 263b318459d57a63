// Runs on the user's own Node (>= 20) with nothing installed: does the set-up where it is needed, then hands over to the
// project's Node 24. Usage: node tools/bootstrap.mjs COMMAND [ARGUMENT…]
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { commands } from './bootstrap/commands.mjs';
import { SetupError } from './bootstrap/setup-error.mjs';
import { checkMachine } from './bootstrap/machine.mjs';
import { installPackages } from './bootstrap/packages.mjs';
import { provideProgram } from './bootstrap/provide-program.mjs';
import { runSteps } from './bootstrap/run-steps.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));

async function main() {
  const [name = '', ...args] = process.argv.slice(2);
  const command = commands[name];
  if (command === undefined)
    throw new SetupError(`Unknown command "${name}". There are: ${Object.keys(commands).join(', ')}`);
  checkMachine();
  await installPackages(root);
  const env = { ...process.env, PATH: `${join(root, 'node_modules/.bin')}:${process.env.PATH ?? ''}` };
  for (const program of command.needs) Object.assign(env, await provideProgram(program));
  const missing = command.steps.map((step) => step.file).find((file) => file && !existsSync(join(root, file)));
  if (missing) throw new SetupError(`${missing} is missing: this copy of the project is incomplete`);
  return runSteps(command.steps, { root, env, args });
}

try {
  process.exitCode = await main();
} catch (error) {
  if (!(error instanceof SetupError)) throw error;
  process.stderr.write(`\n${error.message}\n`);
  process.exitCode = 1;
}
