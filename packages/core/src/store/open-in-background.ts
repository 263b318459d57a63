import { OcrError } from '../errors.ts';

export interface BackgroundOpening {
  /** Rejects as `open` does; who never looks at it learns of that from the calls that fail. */
  readonly ready: Promise<void>;
  /** Throws `store_unavailable` while it is not open. */
  check(): void;
  /** Stops the opening, then closes. */
  close(): Promise<void>;
}

/** Opens a database without anybody waiting for it: until then, and once it is closed, `check` refuses with `message`. */
export function openInBackground(
  open: (signal: AbortSignal) => Promise<void>,
  { close, message }: { readonly close: () => Promise<void>; readonly message: string },
): BackgroundOpening {
  const closing = new AbortController();
  let isOpen = false;
  const ready = open(closing.signal).then(() => {
    isOpen = !closing.signal.aborted;
  });
  ready.catch(() => undefined);
  return {
    ready,
    check() {
      if (!isOpen) throw new OcrError('store_unavailable', message);
    },
    async close() {
      isOpen = false;
      closing.abort();
      await ready.catch(() => undefined);
      await close();
    },
  };
}
