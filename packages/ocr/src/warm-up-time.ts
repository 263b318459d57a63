import type { Provider } from './types.ts';

/** How long an engine tries usual shapes before it is ready: on a GPU that takes a while, but starting has to end. */
export const defaultWarmUpMs: Readonly<Record<Provider, number>> = { cpu: 0, cuda: 60_000 };
