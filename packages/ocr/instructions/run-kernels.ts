import { getPriority } from 'node:os';
import { kernels } from './kernels.ts';

// The program whose instructions are counted: for each kernel as many calls to warm up as it takes V8 to settle, a mark,
// the calls that count, a mark. A mark calls `markFunction` (count-instructions.ts) of libuv, and costs nothing itself.
const mark = (): void => void getPriority();

for (const { prepare, calls } of Object.values(kernels)) {
  const call = prepare();
  for (let i = 0; i < calls; i++) call();
  mark();
  for (let i = 0; i < calls; i++) call();
  mark();
}
