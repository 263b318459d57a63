import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { join } from 'node:path';
import { runQuietly } from './run-quietly.mjs';

/** Runs all quiet steps, then the last one on the terminal. Returns the exit code: 0 only when every step succeeded. */
export async function runSteps(steps, { root, env, args, say = (text) => process.stdout.write(text) }) {
  const failed = [];
  for (const step of steps.slice(0, -1)) {
    const startedAt = Date.now();
    const [file, ...rest] = commandLine(step, root);
    const { code, output } = await runQuietly(file, rest, { cwd: root, env });
    const seconds = ((Date.now() - startedAt) / 1000).toFixed(1);
    say(`${code === 0 ? 'ok    ' : 'FAILED'} ${step.title} (${seconds} s)\n`);
    if (code !== 0) {
      failed.push(step.title);
      say(`${output}\n`);
    }
  }
  const last = steps.at(-1);
  const { times = 1, endsWithUs } = last;
  let code = 0;
  for (let run = 1; run <= times && code === 0; run += 1) {
    if (times > 1) say(`\n== Run ${run} of ${times}\n`);
    const line = [...commandLine(last, root), ...args];
    code = await handOver(line, { cwd: root, env: { ...env, ...last.env }, endsWithUs });
  }
  if (failed.length > 0) say(`\nFAILED before the ${last.title}: ${failed.join(', ')} (see above)\n`);
  return code === 0 && failed.length > 0 ? 1 : code;
}

function commandLine({ bin, file, args }, root) {
  const programs = join(root, 'node_modules/.bin');
  return bin ? [join(programs, bin), ...args] : [join(programs, 'node'), join(root, file), ...args];
}

const passedOn = ['SIGINT', 'SIGTERM', 'SIGHUP'];

/** As `exec` would: same terminal, signals passed on, the exit code (128 + n after signal n) handed back. */
export function handOver([file, ...args], { cwd, env, endsWithUs = false }) {
  return new Promise((resolve, reject) => {
    // The channel carries nothing; that it closes tells the program that nobody is left who could stop it.
    const stdio = ['inherit', 'inherit', 'inherit', ...(endsWithUs ? ['ipc'] : [])];
    const child = spawn(file, args, { cwd, env, stdio });
    let passedOnAt = -Infinity;
    const passOn = (signal) => {
      // Ctrl-C reaches the program from the terminal itself, and a second one would mean "at once". npm and the shell
      // each send theirs as well.
      if (signal === 'SIGINT' && process.stdin.isTTY) return;
      if (Date.now() - passedOnAt < 500) return;
      passedOnAt = Date.now();
      child.kill(signal);
    };
    for (const signal of passedOn) process.on(signal, passOn);
    if (endsWithUs && env.npm_lifecycle_event) whenOrphaned(() => child.kill('SIGTERM'));
    child.on('error', reject);
    child.on('exit', (code, signal) => {
      for (const each of passedOn) process.off(each, passOn);
      resolve(code ?? 128 + constants.signals[signal]);
    });
  });
}

/** npm passes signals on, but killed with SIGKILL it cannot; what it has started would run on unseen. */
function whenOrphaned(callBack) {
  const parent = process.ppid;
  const timer = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(timer);
    callBack();
  }, 1000);
  timer.unref();
}
