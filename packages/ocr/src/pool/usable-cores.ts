import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';

/** Whole cores that this process may use: its CPU affinity, and the quota of its control group where one is set. */
export function usableCores(): number {
  const quota = cgroupQuota((file) => readFileSync(file, 'utf8'));
  return Math.max(1, Math.min(availableParallelism(), Math.floor(quota)));
}

/** Cores' worth of time that the control group grants (v2, then v1); Infinity without a limit. */
export function cgroupQuota(read: (file: string) => string): number {
  const attempt = (file: string): string[] => {
    try {
      return read(file).trim().split(/\s+/);
    } catch {
      return [];
    }
  };
  const [max, period] = attempt('/sys/fs/cgroup/cpu.max').map(Number);
  if (max !== undefined && period !== undefined) return Number.isNaN(max) ? Infinity : max / period;
  const [quotaV1] = attempt('/sys/fs/cgroup/cpu/cpu.cfs_quota_us').map(Number);
  const [periodV1] = attempt('/sys/fs/cgroup/cpu/cpu.cfs_period_us').map(Number);
  if (quotaV1 === undefined || periodV1 === undefined || quotaV1 <= 0) return Infinity;
  return quotaV1 / periodV1;
}
