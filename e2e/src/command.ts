import { spawn } from 'node:child_process';

export interface CommandOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  readonly input?: string;
  /** Gives the output whatever the exit code was, instead of rejecting. */
  readonly mayFail?: boolean;
}

/** Standard output of a command, trimmed. Rejects with the end of all that it said when it fails. */
export function command(file: string, args: readonly string[], options: CommandOptions = {}): Promise<string> {
  const { env = {}, cwd, input = '', mayFail = false } = options;
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, { cwd, env: { ...process.env, ...env }, stdio: 'pipe' });
    let output = '';
    let all = '';
    child.stdout.on('data', (chunk) => {
      output += chunk;
      all += chunk;
    });
    child.stderr.on('data', (chunk) => (all += chunk));
    child.on('error', reject);
    child.stdin.on('error', () => undefined);
    child.stdin.end(input);
    child.on('close', (code) => {
      if (code === 0 || mayFail) resolve(output.trim());
      else reject(new Error(`${file} ${args.join(' ')}\nended with ${code}:\n${all.slice(-4_000)}`));
    });
  });
}
