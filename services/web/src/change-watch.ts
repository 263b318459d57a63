/**
 * Tells open pages that there is something new to show. One look a moment serves them all, and none is made while no
 * page is open.
 */
export interface ChangeWatch {
  /** Calls `onChange` once soon, for what changed since its page was made, and after each change until it is closed. */
  listen(onChange: () => void): { close(): void };
  close(): void;
}

export interface ChangeWatchOptions {
  /** Another one whenever anything was stored, which may be nothing that is shown. Cheap. */
  readonly token: () => Promise<string>;
  /** Another one whenever something that is shown has changed. Asked for only when the token has changed. */
  readonly digest: () => Promise<string>;
  readonly intervalMs?: number;
}

interface Listener {
  readonly tell: () => void;
  isTold: boolean;
}

const defaultIntervalMs = 700;
/** Counts in a digest may be some seconds old, so that a change shows in a later one. */
const looksAfterChange = 6;

export function createChangeWatch({ token, digest, intervalMs = defaultIntervalMs }: ChangeWatchOptions): ChangeWatch {
  const listeners = new Set<Listener>();
  let timer: NodeJS.Timeout | undefined;
  let knownToken: string | undefined;
  let knownDigest: string | undefined;
  let looksLeft = 0;

  const hasChanged = async (): Promise<boolean> => {
    const newToken = await token();
    if (newToken !== knownToken) looksLeft = looksAfterChange;
    knownToken = newToken;
    if (looksLeft === 0) return false;
    looksLeft--;
    const newDigest = await digest();
    const changed = newDigest !== knownDigest;
    knownDigest = newDigest;
    return changed;
  };
  const look = async () => {
    const changed = await hasChanged();
    for (const listener of listeners) {
      if (changed || !listener.isTold) listener.tell();
      listener.isTold = true;
    }
  };
  const lookAgain = () => {
    timer = setTimeout(() => {
      look()
        // A store that is away comes back; what has changed meanwhile is seen then.
        .catch(() => undefined)
        .finally(() => {
          timer = undefined;
          if (listeners.size > 0) lookAgain();
        });
    }, intervalMs);
    timer.unref();
  };

  return {
    listen(onChange) {
      const listener = { tell: onChange, isTold: false };
      listeners.add(listener);
      if (timer === undefined) lookAgain();
      return {
        close() {
          listeners.delete(listener);
        },
      };
    },
    close() {
      clearTimeout(timer);
      listeners.clear();
    },
  };
}
