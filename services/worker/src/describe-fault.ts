/**
 * What a log says of an error that nobody threw on purpose: its stack alone, since other properties of errors may hold
 * what a server or an image said.
 */
export function describeFault(fault: unknown): string {
  return fault instanceof Error ? (fault.stack ?? fault.message) : String(fault);
}
