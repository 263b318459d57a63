import { createHash } from 'node:crypto';
import { accessSync, constants, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { SetupError } from './setup-error.mjs';
import { runQuietly, tail } from './run-quietly.mjs';

const stampFile = 'node_modules/.glyphmill-setup';

/** Installs what pnpm-lock.yaml names, unless that was done before. After that nothing here needs a network. */
export async function installPackages(
  root,
  { install = pnpmInstall, note = (text) => process.stderr.write(text) } = {},
) {
  const wanted = fingerprint(root);
  if (isInstalled(root, wanted)) return false;
  try {
    mkdirSync(join(root, 'node_modules'), { recursive: true });
    accessSync(join(root, 'node_modules'), constants.W_OK);
  } catch {
    throw new SetupError(
      `Packages have to be installed, but ${join(root, 'node_modules')} cannot be written to.\n` +
        'Make the folder writable, or copy the project to one that is.',
    );
  }
  note('Setting up: installing packages (about a minute, the first time only) …\n');
  const { code, output } = await install(root);
  if (code !== 0) throw new SetupError(explain(output));
  writeFileSync(join(root, stampFile), wanted);
  return true;
}

/** Changes with the packages that are wanted, and with the machine: node_modules of another platform would not run. */
export function fingerprint(root, machine = `${process.platform}-${process.arch}`) {
  const hash = createHash('sha256').update(machine);
  for (const file of ['pnpm-lock.yaml', 'pnpm-workspace.yaml']) hash.update(readFileSync(join(root, file)));
  return hash.digest('hex');
}

function isInstalled(root, wanted) {
  if (!existsSync(join(root, 'node_modules/.bin/node'))) return false;
  if (readText(join(root, stampFile)) !== undefined) return readText(join(root, stampFile)) === wanted;
  // Installed by `pnpm install` itself: it keeps a copy of the lockfile that it has carried out.
  return readText(join(root, 'node_modules/.pnpm/lock.yaml')) === readText(join(root, 'pnpm-lock.yaml'));
}

function readText(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

function pnpmInstall(root) {
  const env = {
    ...process.env,
    // Nothing may ask a question; pnpm asks before it replaces a foreign node_modules.
    CI: 'true',
    // npm's own patience without a network is minutes.
    npm_config_fetch_retries: process.env.npm_config_fetch_retries ?? '2',
    npm_config_fetch_retry_mintimeout: '1000',
    npm_config_fetch_retry_maxtimeout: '5000',
    npm_config_update_notifier: 'false',
    // `npm --silent run …` would silence this one too, and nobody would learn what is wrong.
    npm_config_loglevel: 'error',
  };
  return runQuietly('npx', ['--yes', 'pnpm@12', 'install', '--frozen-lockfile'], { cwd: root, env });
}

const noNetwork = /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ENETUNREACH|ETIMEDOUT|ENOTCACHED|ERR_SOCKET_TIMEOUT/;

function explain(output) {
  const advice = noNetwork.test(output)
    ? 'The package registry cannot be reached. The first start needs a network (or a registry mirror: `npm config set registry URL`);\n' +
      'after that none is needed, and the folder can be copied to a like machine without one.'
    : 'What went wrong is above. A full disk and a proxy that is not set (HTTPS_PROXY) are the usual reasons.';
  return `${tail(output, 25)}\n\nThe packages could not be installed.\n${advice}`;
}
