import { parentPort, workerData } from 'node:worker_threads';
import { callMethod, type Opened } from '../forwarded-calls.ts';
import type { StoreLog } from '../open-store.ts';
import { type FromThread, sentError, type ThreadOptions, type ToThread } from './thread-messages.ts';

/** What a port is opened with in its thread. */
export interface ServedOptions extends ThreadOptions {
  readonly now: () => number;
  readonly logger: StoreLog;
}

/** In the thread that database-thread.ts starts: opens a port and does what comes in as messages. */
export function serveCalls<Port extends Opened, Method extends keyof Port & string>(
  methods: readonly Method[],
  open: (options: ServedOptions) => Pick<Port, Method> & Opened,
): void {
  const port = parentPort;
  if (port === null) throw new Error('This program runs in a thread');
  const send = (message: FromThread): void => port.postMessage(message);
  let givenNow: number | undefined;
  const served = open({
    ...(workerData as ThreadOptions),
    now: () => givenNow ?? Date.now(),
    logger: {
      info: (fields, message) => send({ kind: 'log', level: 'info', fields, message }),
      warn: (fields, message) => send({ kind: 'log', level: 'warn', fields, message }),
    },
  });
  served.ready.then(
    () => send({ kind: 'ready' }),
    (error: unknown) => send({ kind: 'mismatch', message: error instanceof Error ? error.message : String(error) }),
  );
  const call = async (id: number, work: () => Promise<unknown>): Promise<void> => {
    try {
      send({ kind: 'answer', id, value: await work() });
    } catch (error) {
      send({ kind: 'failure', id, error: sentError(error) });
    }
  };
  port.on('message', (message: ToThread) => {
    if (message.kind === 'close') {
      // Answers that are on their way arrive before the thread's end does.
      void served.close().finally(() => port.close());
      return;
    }
    givenNow = message.now;
    const method = methods.find((name) => name === message.method);
    void call(message.id, async () => {
      if (method === undefined) throw new TypeError(`Unknown method ${message.method}`);
      return callMethod<Port, Method>(served, method, message.args);
    });
  });
}
