/** `scan.png`, `scan (2).png`, `scan (3).png` and so on, counted from 1. */
export function numberedName(name: string, number: number): string {
  if (number === 1) return name;
  const at = name.lastIndexOf('.');
  return at > 0 ? `${name.slice(0, at)} (${number})${name.slice(at)}` : `${name} (${number})`;
}
