import type { Model } from './model.ts';

/**
 * Memory for the inputs of a network, used again for the next one: a page's input is many megabytes that V8 would have to
 * zero, and would collect late, since it sees only their handles.
 *
 * As many pieces are kept as were in use at the same time: one where calls follow each other.
 */
class InputMemory {
  readonly #free: Float32Array[] = [];

  /** `length` values that hold anything. */
  take(length: number): Float32Array {
    const piece = this.#free.pop();
    return piece !== undefined && piece.length >= length ? piece : new Float32Array(length);
  }

  giveBack(piece: Float32Array): void {
    this.#free.push(piece);
  }
}

const memories = new WeakMap<Model, InputMemory>();

/**
 * Hands `use` an input of `length` values, which hold anything, and takes its memory back when the promise that it
 * returned is settled. The memory goes with the model.
 */
export async function withInput<T>(model: Model, length: number, use: (input: Float32Array) => Promise<T>): Promise<T> {
  let memory = memories.get(model);
  if (memory === undefined) {
    memory = new InputMemory();
    memories.set(model, memory);
  }
  const piece = memory.take(length);
  try {
    return await use(piece.subarray(0, length));
  } finally {
    memory.giveBack(piece);
  }
}
