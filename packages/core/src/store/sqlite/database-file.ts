import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** `file:relative`, `file:/absolute` and `file:///absolute`. */
export function databaseFileOf(url: string): string {
  return url.startsWith('file://') ? fileURLToPath(url) : path.resolve(url.slice('file:'.length));
}
