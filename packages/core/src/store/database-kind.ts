export type DatabaseKind = 'sqlite' | 'postgres';

export function databaseKindOf(databaseUrl: string): DatabaseKind {
  if (databaseUrl.startsWith('file:')) return 'sqlite';
  if (/^postgres(ql)?:/.test(databaseUrl)) return 'postgres';
  throw new TypeError('databaseUrl must begin with file: or postgres:');
}
