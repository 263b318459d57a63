import { html } from 'hono/html';

/** Escapes whatever is put into it but markup made by itself; nothing here ever calls anything raw. */
export { html };
export type Markup = ReturnType<typeof html>;
