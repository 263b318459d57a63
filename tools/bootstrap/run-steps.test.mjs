import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { runSteps } from './run-steps.mjs';

let root;
let said;
const run = (steps, args = []) => runSteps(steps, { root, env: process.env, args, say: (text) => void (said += text) });

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'glyphmill steps-'));
  mkdirSync(join(root, 'node_modules/.bin'), { recursive: true });
  symlinkSync(process.execPath, join(root, 'node_modules/.bin/node'));
  writeFileSync(join(root, 'exit.mjs'), 'process.exit(Number(process.argv.at(-1)));');
  writeFileSync(join(root, 'complain.mjs'), 'console.log("it is wrong"); process.exit(2);');
  said = '';
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const last = { title: 'tests', file: 'exit.mjs', args: [] };

describe('runSteps', () => {
  it("hands back the last step's exit code and passes it the arguments", async () => {
    expect(await run([last], ['0'])).toBe(0);
    expect(await run([last], ['7'])).toBe(7);
  });

  it('runs the last step as often as asked, with its own environment, and not after a failure', async () => {
    writeFileSync(
      join(root, 'count.mjs'),
      `import fs from 'node:fs';
       fs.appendFileSync('runs', process.env.LETTER);
       process.exit(fs.readFileSync('runs', 'utf8') === process.argv.at(-1) ? 3 : 0);`,
    );
    const step = { title: 'runs', file: 'count.mjs', args: [], times: 3, env: { LETTER: 'x' } };
    expect(await run([step], ['never'])).toBe(0);
    expect(readFileSync(join(root, 'runs'), 'utf8')).toBe('xxx');
    expect(await run([step], ['xxxxx'])).toBe(3);
    expect(readFileSync(join(root, 'runs'), 'utf8')).toBe('xxxxx');
  });

  it('goes on after a failed check, shows what it said, and fails in the end', async () => {
    const check = { title: 'lint', file: 'complain.mjs', args: [], quiet: true };
    expect(await run([check, last], ['0'])).toBe(1);
    expect(said).toContain('it is wrong');
    expect(said.trimEnd()).toMatch(/FAILED before the tests: lint/);
  });
});

it('passes a signal on and reports how the program ended', async () => {
  writeFileSync(
    join(root, 'wait.mjs'),
    `process.on('SIGTERM', () => process.exit(42)); console.log('up'); setInterval(() => {}, 1000);`,
  );
  const script = `
    import { handOver } from ${JSON.stringify(new URL('run-steps.mjs', import.meta.url).href)};
    process.exitCode = await handOver(${JSON.stringify([process.execPath, join(root, 'wait.mjs')])}, { env: process.env });
  `;
  const parent = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await new Promise((resolve) => void parent.stdout.once('data', resolve));
  parent.kill('SIGTERM');
  expect(await new Promise((resolve) => void parent.once('exit', resolve))).toBe(42);
});
