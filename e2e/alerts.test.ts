import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { prometheusProgram } from '@glyphmill/test-servers/prometheus';
import { describe, test } from 'vitest';

const folder = fileURLToPath(new URL('../monitoring/prometheus', import.meta.url));
const filesIn = (name: string): string[] => readdirSync(`${folder}/${name}`).map((file) => `${name}/${file}`);

/** Throws with what it prints where it finds fault. */
function promtool(...args: readonly string[]): void {
  try {
    execFileSync(prometheusProgram('promtool'), args, { cwd: folder, encoding: 'utf8', stdio: 'pipe' });
  } catch (error) {
    const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string };
    throw new Error(`promtool ${args.join(' ')}\n${stdout}${stderr}`, { cause: error });
  }
}

test.each(['prometheus.yml', 'one-machine.yml'])('%s is a configuration', (file) => {
  promtool('check', 'config', file);
});

test.each(filesIn('rules'))('%s are rules', (file) => {
  promtool('check', 'rules', file);
});

describe('each alert fires when it should, and only then', () => {
  test.each(filesIn('tests'))('%s', (file) => {
    promtool('test', 'rules', file);
  });
});
