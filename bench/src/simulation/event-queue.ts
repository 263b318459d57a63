interface Entry<T> {
  readonly atSeconds: number;
  /** Events of the same time come in the order in which they were added. */
  readonly order: number;
  readonly event: T;
}

/** What is going to happen, soonest first: a binary heap. */
export class EventQueue<T> {
  readonly #heap: Entry<T>[] = [];
  #added = 0;

  get size(): number {
    return this.#heap.length;
  }

  add(atSeconds: number, event: T): void {
    const heap = this.#heap;
    const entry = { atSeconds, order: this.#added++, event };
    let index = heap.push(entry) - 1;
    while (index > 0) {
      const above = (index - 1) >> 1;
      const parent = heap[above];
      if (parent === undefined || isBefore(parent, entry)) break;
      heap[index] = parent;
      index = above;
    }
    heap[index] = entry;
  }

  takeSoonest(): { readonly atSeconds: number; readonly event: T } | undefined {
    const heap = this.#heap;
    const [soonest] = heap;
    const last = heap.pop();
    if (soonest === undefined || last === undefined || heap.length === 0) return soonest;
    let index = 0;
    for (;;) {
      let below = 2 * index + 1;
      const [left, right] = [heap[below], heap[below + 1]];
      if (left === undefined) break;
      if (right !== undefined && isBefore(right, left)) below += 1;
      const child = right !== undefined && isBefore(right, left) ? right : left;
      if (isBefore(last, child)) break;
      heap[index] = child;
      index = below;
    }
    heap[index] = last;
    return soonest;
  }
}

function isBefore<T>(one: Entry<T>, other: Entry<T>): boolean {
  return one.atSeconds < other.atSeconds || (one.atSeconds === other.atSeconds && one.order < other.order);
}
