import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Something that must be nowhere. */
export interface Secret {
  /** Says what it is without saying it. */
  readonly what: string;
  readonly bytes: Buffer;
}

/** Where a secret was found, for people. */
export type Leak = string;

export function searchBytes(where: string, bytes: Uint8Array, secrets: readonly Secret[]): Leak[] {
  const haystack = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  return secrets.filter((secret) => haystack.includes(secret.bytes)).map((secret) => `${secret.what} in ${where}`);
}

/** Every file below a folder, byte by byte, names included; sockets are skipped. */
export async function searchFolder(folder: string, secrets: readonly Secret[]): Promise<Leak[]> {
  const leaks: Leak[] = [];
  for (const entry of await readdir(folder, { withFileTypes: true, recursive: true })) {
    const path = join(entry.parentPath, entry.name);
    leaks.push(...searchBytes('a file name', Buffer.from(path), secrets));
    if (entry.isFile()) leaks.push(...searchBytes(path, await readFile(path), secrets));
  }
  return leaks;
}
