import { execFile } from 'node:child_process';
import { access, mkdir, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** The variables of compose.mirrors.yml, from what this machine's own apt and npm go by. Files are written into `folder`. */
export async function findMirrors(folder: string): Promise<Readonly<Record<string, string>>> {
  await mkdir(folder, { recursive: true });
  const variables: Record<string, string> = {};

  // The base image has no sources of its own.
  const targets = ['indextargets', '--format', '$(REPO_URI) $(CODENAME) $(COMPONENT)', 'Created-By: Packages'];
  const { stdout: indexes } = await run('apt-get', targets);
  const sources = indexes.split('\n').filter((line) => / bookworm(-\w+)? main$/.test(line));
  variables['APT_SOURCES'] = path.join(folder, 'apt-sources');
  await writeFile(variables['APT_SOURCES'], sources.map((line) => `deb ${line}\n`).join(''));

  const { stdout: settings } = await run('apt-config', ['dump']);
  variables['APT_CONF'] = path.join(folder, 'apt-conf');
  const lent = settings.split('\n').filter((line) => /^Acquire::(https?|Check)/.test(line));
  await writeFile(variables['APT_CONF'], `${lent.join('\n')}\n`);

  const files = { NPMRC: path.join(homedir(), '.npmrc'), CA_CERTIFICATES: '/etc/ssl/certs/ca-certificates.crt' };
  for (const [name, file] of Object.entries(files)) {
    const isThere = await access(file).then(
      () => true,
      () => false,
    );
    if (isThere) variables[name] = file;
  }
  return variables;
}
