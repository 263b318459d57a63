/** A number from what Redis' INFO says; 0 when the server does not say it. */
export function numberOfInfo(info: string, name: string): number {
  return Number(new RegExp(`^${name}:(\\d+)`, 'm').exec(info)?.[1] ?? 0);
}
