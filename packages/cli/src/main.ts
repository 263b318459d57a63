import { readFileSync } from 'node:fs';
import { UsageError, ocrUsage, parseOcrArguments } from './ocr-options.ts';
import { runOcr } from './ocr-command.ts';

const usage = `Usage: glyphmill ocr [options] FILE… | FOLDER…    reads the text in images (glyphmill ocr --help)\n`;

/** Exit codes as shells know them: 2 a wrong command line, 128 + n ended by signal n. */
const exitCodes = { usage: 2, SIGINT: 130, SIGTERM: 143 } as const;

async function main(): Promise<number> {
  const [command, ...args] = process.argv.slice(2);
  try {
    switch (command) {
      case 'ocr':
        return await ocr(args);
      case '--version':
        process.stdout.write(version());
        return 0;
      case '--help':
      case '-h':
      case 'help':
        process.stdout.write(usage);
        return 0;
      case undefined:
      default:
        process.stderr.write(usage);
        return exitCodes.usage;
    }
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    process.stderr.write(`${error.message} (--help says how)\n`);
    return exitCodes.usage;
  }
}

async function ocr(args: readonly string[]): Promise<number> {
  const request = parseOcrArguments(args);
  switch (request.kind) {
    case 'help':
      process.stdout.write(ocrUsage);
      return 0;
    case 'version':
      process.stdout.write(version());
      return 0;
    case 'run': {
      const stop = new AbortController();
      let exitCode: number | undefined;
      for (const signal of ['SIGINT', 'SIGTERM'] as const) {
        process.on(signal, () => {
          // Whoever asks a second time does not want to wait for anything.
          if (stop.signal.aborted) process.exit(exitCodes[signal]);
          exitCode = exitCodes[signal];
          stop.abort();
        });
      }
      process.stdout.on('error', (error: NodeJS.ErrnoException) => {
        // The reader (head, less) has seen enough: nothing to complain about.
        if (error.code !== 'EPIPE') throw error;
        stop.abort();
      });
      const { stdin, stdout, stderr } = process;
      const code = await runOcr(request.options, { cwd: workingFolder(), stdin, stdout, stderr, signal: stop.signal });
      return exitCode ?? code;
    }
  }
}

/** npm runs scripts in the project's root; file names are meant relative to where the user typed them. */
function workingFolder(): string {
  const { npm_lifecycle_event: script, INIT_CWD: typedIn } = process.env;
  return script === 'ocr' && typedIn ? typedIn : process.cwd();
}

function version(): string {
  const manifest: unknown = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
  return `glyphmill ${(manifest as { version: string }).version}\n`;
}

// Not process.exit(): what was written to a pipe must arrive. Only a standard input that nobody closes is let go.
process.exitCode = await main();
process.stdin.unref?.();
