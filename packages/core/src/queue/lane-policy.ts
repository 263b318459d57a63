import type { Lane } from './payload.ts';

/** While both lanes wait, at least one page of so many is bulk. */
const bulkEvery = 4;

/** Says which lane a free slot asks first: interactive, unless bulk would starve. */
export class LanePolicy {
  #interactiveInARow = 0;

  /** Lanes in the order in which to ask them. */
  order(): readonly [Lane, Lane] {
    return this.#interactiveInARow >= bulkEvery - 1 ? ['bulk', 'interactive'] : ['interactive', 'bulk'];
  }

  took(lane: Lane): void {
    this.#interactiveInARow = lane === 'interactive' ? this.#interactiveInARow + 1 : 0;
  }

  /** An empty bulk lane has had its turn: interactive goes first again, instead of asking bulk in vain every time. */
  foundEmpty(lane: Lane): void {
    if (lane === 'bulk') this.#interactiveInARow = 0;
  }
}
