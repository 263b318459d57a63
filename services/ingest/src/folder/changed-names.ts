/** Beyond this many, looking at everything is cheaper. */
const maxNames = 5_000;

export interface ChangedFolder {
  /** Within the inbox. */
  readonly folder: string;
  readonly names: readonly string[];
}

/** What was told to have changed since the last look. */
export class ChangedNames {
  readonly #names = new Map<string, Set<string>>();
  #count = 0;
  #isOverflowing = false;

  get isEmpty(): boolean {
    return this.#count === 0 && !this.#isOverflowing;
  }

  /** Too much has changed, or it is not known what. */
  get isOverflowing(): boolean {
    return this.#isOverflowing;
  }

  add(folder: string, name: string | undefined): void {
    if (name === undefined || this.#count >= maxNames) {
      this.#isOverflowing = true;
      return;
    }
    const names = this.#names.get(folder) ?? new Set();
    this.#names.set(folder, names);
    if (names.has(name)) return;
    names.add(name);
    this.#count += 1;
  }

  take(): ChangedFolder[] {
    const changes = [...this.#names].map(([folder, names]) => ({ folder, names: [...names] }));
    this.clear();
    return changes;
  }

  clear(): void {
    this.#names.clear();
    this.#count = 0;
    this.#isOverflowing = false;
  }
}
