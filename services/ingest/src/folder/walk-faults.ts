import type { InboxStatus } from '@glyphmill/core/inbox';
import { isForbidden, isGone } from './file-fault.ts';

type Faults = NonNullable<InboxStatus['faults']>;
export type FaultReason = Faults['examples'][number]['reason'];

/** Whoever looks into the folder finds the others beside these. */
const maxExamples = 5;
const maxExampleLength = 160;

/** It is not looked at, although the system would do so. */
export class NotLookedAt extends Error {
  override readonly name = 'NotLookedAt';
  readonly reason: FaultReason;

  constructor(reason: FaultReason) {
    super(`Not looked at: ${reason}`);
    this.reason = reason;
  }
}

/** What a walk could not look at: how much, and a few of them. */
export class WalkFaults {
  #count = 0;
  readonly #examples: Faults['examples'][number][] = [];
  readonly #reasons = new Set<FaultReason>();

  add(path: string, error: unknown): void {
    this.#count += 1;
    const reason = faultReasonOf(path, error);
    this.#reasons.add(reason);
    if (this.#examples.length < maxExamples) this.#examples.push({ path: escapePath(path), reason });
  }

  /** Undefined when all could be looked at. */
  get summary(): Faults | undefined {
    return this.#count === 0 ? undefined : { count: this.#count, examples: this.#examples };
  }

  /** Each once. */
  get reasons(): readonly FaultReason[] {
    return [...this.#reasons];
  }
}

/** A name that is no UTF-8 was told us wrong, with signs in it that stand for what could not be told. */
export function isNameUnclear(name: string): boolean {
  return name.includes('\uFFFD');
}

function faultReasonOf(path: string, error: unknown): FaultReason {
  if (error instanceof NotLookedAt) return error.reason;
  if (isGone(error) && isNameUnclear(path)) return 'name_not_utf8';
  return isForbidden(error) ? 'forbidden' : 'unreadable';
}

/** Names may hold anything, also what moves cursors or turns lines around. */
function escapePath(path: string): string {
  const clipped = path.length > maxExampleLength ? `${path.slice(0, maxExampleLength)}…` : path;
  return clipped.replaceAll(
    /[\p{C}\p{Zl}\p{Zp}]/gu,
    (sign) => `\\u{${(sign.codePointAt(0) ?? 0).toString(16).toUpperCase()}}`,
  );
}
