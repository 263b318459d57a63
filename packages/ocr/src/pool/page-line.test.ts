import { describe, expect, it } from 'vitest';
import { PageLine } from './page-line.ts';

class Engine {
  readonly capacity: number;
  isHelping = false;
  readonly pages: { readonly alone: boolean; readonly end: () => void }[] = [];

  constructor(capacity: number) {
    this.capacity = capacity;
  }

  get pagesInHand(): number {
    return this.pages.length;
  }

  hasRoom({ alone }: { readonly alone: boolean }): boolean {
    if (alone) return this.pages.length === 0;
    return this.pages.length < this.capacity && !this.pages.some((page) => page.alone);
  }
}

/** A line whose pages say in which engine they are, until they are ended. */
function openLine(...engines: Engine[]) {
  const line = new PageLine<Engine>();
  const at = new Map<string, Engine>();
  for (const engine of engines) line.offer(engine);
  const enter = (name: string, { alone = false, signal }: { alone?: boolean; signal?: AbortSignal } = {}) =>
    line.wait({
      alone,
      signal,
      stopped: () => new Error('stopped'),
      begin: (engine) => {
        at.set(name, engine);
        const { promise, resolve } = Promise.withResolvers<string>();
        engine.pages.push({ alone, end: () => resolve(name) });
        return promise;
      },
    });
  const leave = async (name: string): Promise<void> => {
    const engine = at.get(name)!;
    at.delete(name);
    engine.pages.shift()!.end();
    line.offer(engine);
    await Promise.resolve();
  };
  return { line, at, enter, leave };
}

describe('the line of pages', () => {
  it('goes to the engine with the fewest pages, until none has room', () => {
    const [a, b] = [new Engine(2), new Engine(2)];
    const { line, at, enter } = openLine(a, b);
    for (const name of ['1', '2', '3', '4', '5']) void enter(name);
    expect([...at.values()]).toEqual([a, b, a, b]);
    expect(line.waiting).toBe(1);
  });

  it('goes to an engine that helps nobody, where there is one', () => {
    const [a, b, c] = [new Engine(1), new Engine(1), new Engine(1)];
    const { at, enter } = openLine(a, b, c);
    a.isHelping = b.isHelping = true;
    for (const name of ['1', '2', '3']) void enter(name);
    expect([...at.values()]).toEqual([c, a, b]);
  });

  it('moves on in order when there is room again', async () => {
    const engine = new Engine(1);
    const { at, enter, leave } = openLine(engine);
    const first = enter('1');
    void enter('2');
    void enter('3');
    await leave('1');
    expect(await first).toBe('1');
    expect([...at.keys()]).toEqual(['2']);
    await leave('2');
    expect([...at.keys()]).toEqual(['3']);
  });

  it('waits for an empty engine for a page that must be alone, and lets nobody pass it or join it', async () => {
    const engine = new Engine(3);
    const { at, enter, leave } = openLine(engine);
    void enter('1');
    void enter('suspect', { alone: true });
    void enter('2');
    expect([...at.keys()]).toEqual(['1']);
    await leave('1');
    expect([...at.keys()]).toEqual(['suspect']);
    await leave('suspect');
    expect([...at.keys()]).toEqual(['2']);
  });

  it('lets those go on that stood behind one that has left', async () => {
    const engine = new Engine(3);
    const { at, enter } = openLine(engine);
    const abort = new AbortController();
    void enter('1');
    const suspect = enter('suspect', { alone: true, signal: abort.signal });
    void enter('2');
    abort.abort();
    await expect(suspect).rejects.toThrow('stopped');
    expect([...at.keys()]).toEqual(['1', '2']);
  });

  it('gives nothing to an engine that has left, and rejects all when it is closed', async () => {
    const engine = new Engine(3);
    const { line, enter } = openLine(engine);
    expect(line.leave(engine)).toBe(true);
    expect(line.leave(engine)).toBe(false);
    const waiting = enter('1');
    expect(line.waiting).toBe(1);
    line.close(new Error('closed'));
    await expect(waiting).rejects.toThrow('closed');
  });

  it('hands on what a page fails with before it has begun', async () => {
    const line = new PageLine<Engine>();
    line.offer(new Engine(1));
    const begin = (): Promise<never> => {
      throw new Error('could not begin');
    };
    const page = line.wait({ alone: false, signal: undefined, stopped: () => new Error('stopped'), begin });
    await expect(page).rejects.toThrow('could not begin');
  });
});
