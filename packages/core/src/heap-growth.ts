import { PerformanceObserver } from 'node:perf_hooks';
import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8';

/*
 * V8 takes memory as if a process had the machine to itself: its space of young objects doubles while many of them
 * live, to 128 MB and for good, and old ones may double before they are looked through. Here many small processes share
 * a machine. The limits could only be set on node's command line; what says by how much is grown can be set at any time.
 */

/** Enough for requests that come by the thousand a second. */
const maxYoungBytes = 32 * 1024 * 1024;
const oldGrowthPercent = 50;

/** While modules are loaded, the database's most of all, young objects are plenty and mean nothing. */
export function keepHeapSmall(): void {
  setFlagsFromString('--semi-space-growth-factor=1');
  setFlagsFromString(`--heap-growing-percent=${oldGrowthPercent}`);
}

/** Lets the space of young objects grow to what requests need. */
export function letHeapGrow(): void {
  setFlagsFromString('--semi-space-growth-factor=2');
  // It grows at the end of a collection only.
  const observer = new PerformanceObserver(() => {
    if (youngSpaceBytes() < maxYoungBytes) return;
    setFlagsFromString('--semi-space-growth-factor=1');
    observer.disconnect();
  });
  observer.observe({ entryTypes: ['gc'] });
}

function youngSpaceBytes(): number {
  return getHeapSpaceStatistics().find(({ space_name: name }) => name === 'new_space')?.space_size ?? 0;
}
