import { describe, expect, it } from 'vitest';
import { SwitchingModel } from './switching-model.ts';

/** Networks that say how many threads they have, and refuse to run when they are closed. */
function opener() {
  const open: number[] = [];
  let fails = false;
  return {
    open,
    failFromNowOn: () => void (fails = true),
    load: (threads: number) => {
      if (fails) return Promise.reject(new Error('no memory'));
      open.push(threads);
      return Promise.resolve({
        run: () =>
          new Promise<never[]>((resolve, reject) =>
            setImmediate(() => (open.includes(threads) ? resolve([]) : reject(new Error('closed')))),
          ),
        close: () => {
          open.splice(open.indexOf(threads), 1);
          return Promise.resolve();
        },
      });
    },
  };
}

const threads = { busy: 1, lone: 4 };
const input = { data: new Float32Array(), dims: [0] };

async function adapt(model: SwitchingModel, ...loads: readonly ('busy' | 'lone')[]): Promise<void> {
  for (const load of loads) await model.adapt(load);
}

describe('a network whose threads follow the load', () => {
  it('has those of a lone page first, and others when load has lasted for some pages, one session at a time', async () => {
    const { open, load } = opener();
    const model = await SwitchingModel.open(threads, load);
    expect(open).toEqual([4]);
    await adapt(model, 'busy', 'busy', 'busy', 'lone', 'busy', 'busy', 'busy');
    expect(open).toEqual([4]);
    await adapt(model, 'busy');
    expect(open).toEqual([1]);
    await adapt(model, 'lone', 'lone', 'lone');
    expect(open).toEqual([1]);
    await adapt(model, 'lone');
    expect(open).toEqual([4]);
    await model.close();
    expect(open).toEqual([]);
  });

  it('keeps a page waiting that comes while it switches', async () => {
    const { open, load } = opener();
    const model = await SwitchingModel.open(threads, load);
    await adapt(model, 'busy', 'busy', 'busy');
    const switched = model.adapt('busy');
    await expect(model.run(input)).resolves.toEqual([]);
    await switched;
    expect(open).toEqual([1]);
  });

  it('goes on as it is when it cannot switch', async () => {
    const { open, load, failFromNowOn } = opener();
    const model = await SwitchingModel.open(threads, load);
    failFromNowOn();
    await adapt(model, 'busy', 'busy', 'busy', 'busy');
    expect(open).toEqual([4]);
    await expect(model.run(input)).resolves.toEqual([]);
  });
});
