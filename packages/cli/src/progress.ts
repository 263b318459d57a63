import { Presets, SingleBar } from 'cli-progress';

export interface Progress {
  /** One more image is done. */
  step(): void;
  /** Takes the bar off the screen while something is printed. */
  around(print: () => Promise<void>): Promise<void>;
  close(): void;
}

/** A progress bar on a terminal; nothing at all where standard error is a file or a pipe. */
export function createProgress(total: number, stream: NodeJS.WriteStream): Progress {
  if (!stream.isTTY || total < 2) return { step() {}, around: (print) => print(), close() {} };
  const bar = new SingleBar(
    { format: '{bar} {value}/{total} images, {eta_formatted} left', stream, clearOnComplete: true, hideCursor: true },
    Presets.shades_classic,
  );
  let done = 0;
  bar.start(total, done);
  return {
    step() {
      done++;
      bar.increment();
    },
    async around(print) {
      if (!process.stdout.isTTY) return print();
      // On the same terminal the text would run into the bar, and the bar would later clear the line on which it
      // began, which by then holds text. So it ends above each text and begins anew below.
      bar.stop();
      await print();
      bar.start(total, done);
    },
    close: () => bar.stop(),
  };
}
