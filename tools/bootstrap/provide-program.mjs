import { findProgram } from './find-program.mjs';
import { runQuietly, tail } from './run-quietly.mjs';
import { SetupError } from './setup-error.mjs';
import { packageManagers, systemPrograms } from './system-programs.mjs';

/**
 * The environment variables by which the project's programs find `name` (redis or postgres): what the variable says,
 * else what is installed, else what the system's package manager installs where that is allowed. Throws SetupError, which
 * says what to do.
 */
export async function provideProgram(
  name,
  {
    env = process.env,
    find = findProgram,
    look = systemPrograms[name].look,
    run = runQuietly,
    isRoot = process.getuid?.() === 0,
    note = (text) => process.stderr.write(text),
  } = {},
) {
  const program = systemPrograms[name];
  const { title, variable } = program;
  if (program.instead && env[program.instead.variable]) return {};
  if (env[variable]) {
    if (program.accepts(env[variable])) return {};
    throw new SetupError(`${variable} is ${env[variable]}, where nothing is that can be run`);
  }
  const found = look(find);
  if (found) return { [variable]: found };

  const manager = packageManagers.find(({ program: file }) => find(file));
  if (!manager) {
    throw new SetupError(
      `${title} is missing, and no package manager that is known here was found.\n${program.byHand},\n${otherWays(program)}`,
    );
  }
  const commands = commandsOf(program, manager);
  const byHand = commands.map((command) => (manager.asUser ? command : `sudo ${command}`)).join(' && ');
  const prefix = await privilege(manager, { isRoot, find, run });
  if (prefix === undefined) {
    throw new SetupError(`${title} is missing. Install it with\n\n    ${byHand}\n\n${otherWays(program)}`);
  }
  note(`Setting up: installing ${title} with ${manager.program} …\n`);
  const output = await install([...preparations(program, manager), ...commands.map(words)], { prefix, run, env });
  const installed = look(find);
  if (installed) return { [variable]: installed };
  throw new SetupError(
    `${tail(output, 15)}\n\n${title} could not be installed. Try\n\n    ${byHand}\n\n${otherWays(program)}`,
  );
}

/** Runs the command lines one after the other, whatever becomes of each: what counts is what is there afterwards. */
async function install(lines, { prefix, run, env }) {
  let output = '';
  for (const line of lines) {
    // Through `env`, since sudo drops variables. Nothing may ask a question, about changed settings neither.
    const [file, ...args] = [...prefix, 'env', 'DEBIAN_FRONTEND=noninteractive', 'UCF_FORCE_CONFFOLD=1', ...line];
    ({ output } = await run(file, args, { env }));
  }
  return output;
}

function commandsOf({ packages }, { program: file, install: steps }) {
  return [...steps.slice(0, -1), `${steps.at(-1)} ${packages[file]}`];
}

function preparations({ prepare = {} }, { program: file }) {
  return prepare[file] ? [['sh', '-c', prepare[file]]] : [];
}

const words = (command) => command.split(' ');

function otherWays({ variable, example, instead }) {
  return [`or say where it is: ${variable}=${example}`, instead?.advice].filter(Boolean).join('\n');
}

/** What to put before the package manager's command; undefined when this user may not install anything unasked. */
async function privilege(manager, { isRoot, find, run }) {
  if (isRoot || manager.asUser) return [];
  if (!find('sudo')) return undefined;
  const { code } = await run('sudo', ['-n', 'true']);
  return code === 0 ? ['sudo', '-n'] : undefined;
}
