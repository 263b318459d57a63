import { join } from 'node:path';
import { findProgram, foldersLike, isProgram } from './find-program.mjs';

/** How each system's package manager installs packages, in the order in which managers are looked for. */
export const packageManagers = [
  { program: 'apt-get', install: ['apt-get update', 'apt-get install -y --no-install-recommends'] },
  { program: 'dnf', install: ['dnf install -y'] },
  { program: 'yum', install: ['yum install -y'] },
  { program: 'zypper', install: ['zypper --non-interactive install'] },
  { program: 'pacman', install: ['pacman -Sy --noconfirm'] },
  { program: 'apk', install: ['apk add'] },
  { program: 'brew', install: ['brew install'], asUser: true },
];

/** Debian's package would make a database cluster and start it, which nobody needs here. */
const noCluster =
  'f=/etc/postgresql-common/createcluster.conf; mkdir -p "${f%/*}"; ' +
  `[ -e "$f" ] || printf '%s\\n' '# Written when Postgres was installed for tests: no cluster is made unasked.' 'create_main_cluster = false' > "$f"`;

/** Postgres's programs lie together, and distributions keep them out of the PATH, by version. */
const postgresFolders = [
  '/usr/lib/postgresql/*/bin',
  '/usr/lib/postgresql*/bin',
  '/usr/pgsql-*/bin',
  '/usr/libexec/postgresql*',
  '/opt/homebrew/opt/postgresql@*/bin',
  '/usr/local/opt/postgresql@*/bin',
];

/** Debian's package would start a Prometheus on port 9090, which nobody has asked for. */
const noPrometheusService =
  'command -v systemctl >/dev/null && [ ! -e /lib/systemd/system/prometheus.service ] && systemctl mask prometheus.service || true';

/** Where macOS keeps programs with windows. */
const chromiumPaths = [
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
];

/**
 * Programs that npm does not bring. `variable` tells those who run the program where it is (a path or a folder, which
 * `look` finds and `accepts` checks), and `instead`, where there is one, names a server that makes it unnecessary.
 */
export const systemPrograms = {
  redis: {
    title: 'redis-server',
    variable: 'REDIS_SERVER',
    example: '/path/to/redis-server',
    instead: { variable: 'REDIS_URL', advice: undefined },
    byHand: 'Install Redis (https://redis.io/docs/latest/operate/oss_and_stack/install/)',
    // Valkey's server speaks the same.
    look: (find = findProgram) => find('redis-server') ?? find('valkey-server'),
    accepts: isProgram,
    packages: {
      'apt-get': 'redis-server',
      dnf: 'redis',
      yum: 'redis',
      zypper: 'redis',
      pacman: 'redis',
      apk: 'redis',
      brew: 'redis',
    },
  },
  postgres: {
    title: 'Postgres (which only the tests need)',
    variable: 'POSTGRES_BIN',
    example: '/path/to/the/folder/of/initdb',
    instead: {
      variable: 'TEST_DATABASE_URL',
      advice:
        'or name a server that the tests may make databases on: TEST_DATABASE_URL=postgres://user:password@host/postgres',
    },
    byHand: 'Install Postgres (https://www.postgresql.org/download/)',
    look: (find = findProgram) => {
      const initdb = find('initdb');
      if (initdb && find('postgres')) return join(initdb, '..');
      return postgresFolders.flatMap(foldersLike).find(hasPostgres);
    },
    accepts: hasPostgres,
    packages: {
      'apt-get': 'postgresql',
      dnf: 'postgresql-server',
      yum: 'postgresql-server',
      zypper: 'postgresql-server',
      pacman: 'postgresql',
      apk: 'postgresql',
      brew: 'postgresql@17',
    },
    prepare: { 'apt-get': noCluster },
  },
  chromium: {
    title: 'Chromium (which only the tests of the page need)',
    variable: 'CHROMIUM',
    example: '/path/to/chromium',
    byHand: 'Install Chromium (https://www.chromium.org/getting-involved/download-chromium/)',
    // Chrome is the same to the tests.
    look: (find = findProgram) =>
      ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable']
        .map((name) => find(name))
        .find(Boolean) ?? chromiumPaths.find(isProgram),
    accepts: isProgram,
    packages: {
      'apt-get': 'chromium fonts-dejavu-core',
      dnf: 'chromium',
      yum: 'chromium',
      zypper: 'chromium',
      pacman: 'chromium',
      apk: 'chromium',
      brew: '--cask google-chrome',
    },
  },
  prometheus: {
    title: 'Prometheus (which only the tests of alerts and dashboards need)',
    variable: 'PROMETHEUS_BIN',
    example: '/path/to/the/folder/of/prometheus/and/promtool',
    byHand: 'Install Prometheus (https://prometheus.io/download/)',
    look: (find = findProgram) => {
      const prometheus = find('prometheus');
      return prometheus && find('promtool') ? join(prometheus, '..') : undefined;
    },
    accepts: (folder) => isProgram(join(folder, 'prometheus')) && isProgram(join(folder, 'promtool')),
    packages: {
      'apt-get': 'prometheus',
      dnf: 'golang-github-prometheus',
      yum: 'golang-github-prometheus',
      zypper: 'golang-github-prometheus-prometheus',
      pacman: 'prometheus',
      apk: 'prometheus',
      brew: 'prometheus',
    },
    prepare: { 'apt-get': noPrometheusService },
  },
  valgrind: {
    title: 'Valgrind (which only the count of instructions needs)',
    variable: 'VALGRIND',
    example: '/path/to/valgrind',
    byHand: 'Install Valgrind (https://valgrind.org/downloads/)',
    look: (find = findProgram) => find('valgrind'),
    accepts: isProgram,
    packages: {
      'apt-get': 'valgrind',
      dnf: 'valgrind',
      yum: 'valgrind',
      zypper: 'valgrind',
      pacman: 'valgrind',
      apk: 'valgrind',
      brew: 'valgrind',
    },
  },
};

function hasPostgres(folder) {
  return isProgram(join(folder, 'initdb')) && isProgram(join(folder, 'postgres'));
}
