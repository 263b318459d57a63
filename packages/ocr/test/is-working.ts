import { readFile } from 'node:fs/promises';
import { vi, expect } from 'vitest';

/** Resolves when the process has taken processor time, so that it has its page for sure. */
export async function isWorking(pid: number): Promise<void> {
  const ticks = async (): Promise<number> => {
    const fields = (await readFile(`/proc/${pid}/stat`, 'utf8')).split(') ')[1]?.split(' ') ?? [];
    return Number(fields[11]) + Number(fields[12]);
  };
  const before = await ticks();
  await vi.waitFor(async () => expect(await ticks()).toBeGreaterThan(before + 20), { timeout: 20_000 });
}
