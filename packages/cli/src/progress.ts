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
  bar.start(total, 0);
  return {
    step: () => bar.increment(),
    async around(print) {
      // Text on the same terminal would run into the bar's line.
      if (process.stdout.isTTY) stream.write('\r\u001B[K');
      await print();
      if (bar.isActive) bar.render();
    },
    close: () => bar.stop(),
  };
}
