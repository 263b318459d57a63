import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { SetupError } from './setup-error.mjs';
import { runQuietly, tail } from './run-quietly.mjs';

/** Where packages put servers although a user's PATH may not list it. */
const moreFolders = ['/usr/bin', '/usr/local/bin', '/usr/sbin', '/opt/homebrew/bin'];

/** Each system's package manager and how it installs Redis, in the order in which they are looked for. */
export const packageManagers = [
  { program: 'apt-get', commands: ['apt-get update', 'apt-get install -y --no-install-recommends redis-server'] },
  { program: 'dnf', commands: ['dnf install -y redis'] },
  { program: 'yum', commands: ['yum install -y redis'] },
  { program: 'zypper', commands: ['zypper --non-interactive install redis'] },
  { program: 'pacman', commands: ['pacman -Sy --noconfirm redis'] },
  { program: 'apk', commands: ['apk add redis'] },
  { program: 'brew', commands: ['brew install redis'], asUser: true },
];

export function findProgram(name, path = process.env.PATH ?? '') {
  for (const folder of [...path.split(delimiter), ...moreFolders]) {
    if (folder !== '' && isProgram(join(folder, name))) return join(folder, name);
  }
  return undefined;
}

function isProgram(path) {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

/**
 * Path of a redis-server: REDIS_SERVER, else one on the PATH, else one that the system's package manager installs where
 * that is allowed. Valkey's server speaks the same and will do.
 */
export async function findRedisServer({
  env = process.env,
  find = findProgram,
  run = runQuietly,
  isRoot = process.getuid?.() === 0,
  note = (text) => process.stderr.write(text),
} = {}) {
  if (env.REDIS_SERVER) {
    if (isProgram(env.REDIS_SERVER)) return env.REDIS_SERVER;
    throw new SetupError(`REDIS_SERVER is ${env.REDIS_SERVER}, which is no program that can be run`);
  }
  const found = find('redis-server') ?? find('valkey-server');
  if (found) return found;

  const manager = packageManagers.find(({ program }) => find(program));
  if (!manager) {
    throw new SetupError(
      'redis-server is missing, and no package manager that is known here was found.\n' +
        'Install Redis (https://redis.io/docs/latest/operate/oss_and_stack/install/), or say where it is: REDIS_SERVER=/path/to/redis-server',
    );
  }
  const prefix = await privilege(manager, { isRoot, find, run });
  const byHand = manager.commands.map((command) => (manager.asUser ? command : `sudo ${command}`)).join(' && ');
  if (prefix === undefined) {
    throw new SetupError(
      `redis-server is missing. Install it with\n\n    ${byHand}\n\nor say where it is: REDIS_SERVER=/path/to/redis-server`,
    );
  }
  note(`Setting up: installing redis-server with ${manager.program} …\n`);
  let last = { code: 0, output: '' };
  for (const command of manager.commands) {
    const [file, ...args] = [...prefix, ...command.split(' ')];
    last = await run(file, args, { env: { ...env, DEBIAN_FRONTEND: 'noninteractive' } });
  }
  const installed = find('redis-server') ?? find('valkey-server');
  if (installed) return installed;
  throw new SetupError(
    `${tail(last.output, 15)}\n\nredis-server could not be installed. Try\n\n    ${byHand}\n\nor say where it is: REDIS_SERVER=/path/to/redis-server`,
  );
}

/** What to put before the package manager's command; undefined when this user may not install anything unasked. */
async function privilege(manager, { isRoot, find, run }) {
  if (isRoot || manager.asUser) return [];
  if (!find('sudo')) return undefined;
  const { code } = await run('sudo', ['-n', 'true']);
  return code === 0 ? ['sudo', '-n'] : undefined;
}
