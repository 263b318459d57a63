/** A connection of the tests' own to the database of durable jobs, which the services know nothing of. */
export interface TestDatabase {
  readonly dialect: 'sqlite' | 'postgres';
  /** One or more statements; the rows of a single one. */
  query<Row>(sql: string): Promise<Row[]>;
  /** Keeps all others from writing until the returned function is called. */
  lock(): Promise<() => Promise<void>>;
  /** Whether somebody holds such a lock, for longer than a write takes. */
  canWrite(): Promise<boolean>;
  close(): Promise<void>;
}
