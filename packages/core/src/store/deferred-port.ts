import { OcrError } from '../errors.ts';
import { callMethod, forwardCalls, type Opened } from './forwarded-calls.ts';

/** A port on the store whose program is loaded in the background. */
export function deferredPort<Port extends Opened, Method extends keyof Port & string>(
  methods: readonly Method[],
  load: () => Promise<Port>,
): Pick<Port, Method> & Opened {
  let port: Port | undefined;
  let isClosed = false;
  const loading = load().then((loaded) => {
    port = loaded;
    return loaded;
  });
  const ready = loading.then((loaded) => loaded.ready);
  // Who never looks at `ready` learns of it from the calls that fail.
  ready.catch(() => undefined);
  const forwarded = forwardCalls<Port, Method>(methods, async (method, args) => {
    if (port !== undefined && !isClosed) return callMethod<Port, Method>(port, method, args);
    throw new OcrError('store_unavailable', 'The job store is not open');
  });
  return {
    ...forwarded,
    ready,
    async close() {
      isClosed = true;
      await (await loading).close();
    },
  };
}
