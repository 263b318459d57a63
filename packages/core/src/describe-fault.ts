/**
 * What a log says of an error that nobody threw on purpose: its stack alone, since other properties of errors may hold
 * what a server or an image said.
 */
export function describeFault(fault: unknown): string {
  return fault instanceof Error ? (fault.stack ?? fault.message) : String(fault);
}

/**
 * What may be told of an error whose message may quote a query, and so a URL or what an image says: what it was, and
 * where.
 */
export function placeOfFault(fault: unknown): string {
  if (!(fault instanceof Error)) return typeof fault;
  const code = 'code' in fault && typeof fault.code === 'string' ? ` ${fault.code}` : '';
  const frames = (fault.stack ?? '').split('\n').filter((line) => /^\s+at /.test(line));
  const place = [`${fault.name}${code}`, ...frames].join('\n');
  return fault.cause === undefined ? place : `${place}\ncaused by ${placeOfFault(fault.cause)}`;
}
