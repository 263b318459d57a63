type Work = (...args: readonly unknown[]) => Promise<unknown>;

/** What opens in the background and is closed in the end. */
export interface Opened {
  readonly ready: Promise<void>;
  close(): Promise<void>;
}

/** The methods of a port, all of which go through `call`. */
export function forwardCalls<Port, Method extends keyof Port & string>(
  methods: readonly Method[],
  call: (method: Method, args: readonly unknown[]) => Promise<unknown>,
): Pick<Port, Method> {
  const forwarded = methods.map((method) => [method, (...args: unknown[]) => call(method, args)]);
  return Object.fromEntries(forwarded) as Pick<Port, Method>;
}

export function callMethod<Port, Method extends keyof Port>(
  port: Pick<Port, Method>,
  method: Method,
  args: readonly unknown[],
): Promise<unknown> {
  const work = port[method] as Work;
  return work(...args);
}
