import { explainFailure, runAllInOne, type RunOptions } from './run-all-in-one.ts';

/** npm, the shell and the terminal may each pass the same Ctrl-C on; a later one means "at once". */
const sameRequestMs = 2_000;

/** The whole program around its own signals. Returns the exit code. */
export async function runProgram(options: Pick<RunOptions, 'env' | 'programs' | 'backoff'>): Promise<number> {
  const stop = new AbortController();
  const kill = new AbortController();
  let askedAt: number | undefined;
  const ask = () => {
    askedAt ??= performance.now();
    stop.abort();
    if (performance.now() - askedAt > sameRequestMs) kill.abort();
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, ask);
  // Whoever started us (tools/bootstrap.mjs) is gone: nobody could stop us any more.
  process.on('disconnect', ask);
  // The reader of the log went away; the services go on.
  process.stdout.on('error', () => undefined);
  try {
    await runAllInOne({
      ...options,
      write: (text) => void process.stdout.write(text),
      forPeople: process.stdout.isTTY,
      stop: stop.signal,
      kill: kill.signal,
    });
    return 0;
  } catch (error) {
    const explanation = explainFailure(error);
    if (explanation === undefined) throw error;
    process.stderr.write(`\n${explanation}\n`);
    return 1;
  } finally {
    process.channel?.unref();
  }
}
