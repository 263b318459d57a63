import type { Model, RunOptions, Tensor } from './model.ts';

/** So many pages in a row have to ask for the other number of threads: opening a network takes as long as a tenth of a page. */
const pagesBeforeSwitch = 4;

export interface Threads {
  /** While every core has a page of its own. */
  readonly busy: number;
  /** While one page has the machine to itself. */
  readonly lone: number;
}

/**
 * A network whose threads follow the load. Its results are the same with any number of them (each output is computed by
 * one thread, in the same order), but threads that share their cores with other pages cost some 5 % of processor time,
 * and a page that is alone waits for one core while the others idle. One session is open at a time: each keeps the memory
 * of its largest run. It begins with the threads of a lone page.
 */
export class SwitchingModel implements Model {
  readonly #open: (threads: number) => Promise<Model>;
  readonly #threads: Threads;
  #model: Model;
  #now: keyof Threads = 'lone';
  /** Pages in a row that the other number of threads would have suited. */
  #others = 0;
  #switching: Promise<void> | undefined;

  /** `open` loads the network with so many threads. Rejects with what it rejects with. */
  static async open(threads: Threads, open: (threads: number) => Promise<Model>): Promise<SwitchingModel> {
    return new SwitchingModel(threads, open, await open(threads.lone));
  }

  private constructor(threads: Threads, open: (threads: number) => Promise<Model>, model: Model) {
    this.#threads = threads;
    this.#open = open;
    this.#model = model;
  }

  async run(input: Tensor, options?: RunOptions): Promise<readonly Tensor[]> {
    await this.#switching;
    return this.#model.run(input, options);
  }

  /** After a page: notes the load that there was, and switches where it has been another one for some pages. */
  async adapt(load: keyof Threads): Promise<void> {
    this.#others = load === this.#now ? 0 : this.#others + 1;
    if (this.#others < pagesBeforeSwitch) return;
    this.#others = 0;
    this.#switching = this.#switchTo(load);
    await this.#switching;
  }

  async close(): Promise<void> {
    await this.#switching;
    await this.#model.close();
  }

  async #switchTo(load: keyof Threads): Promise<void> {
    const before = this.#model;
    try {
      this.#model = await this.#open(this.#threads[load]);
    } catch {
      // It reads as well with the threads that it has.
      return;
    }
    this.#now = load;
    await before.close();
  }
}
