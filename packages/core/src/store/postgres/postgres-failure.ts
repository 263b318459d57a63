import pg from 'pg';
import { OcrError } from '../../errors.ts';

/** Classes and codes of https://www.postgresql.org/docs/current/errcodes-appendix.html that pass by themselves. */
const transient = [
  /^08/, // connection
  /^25P0[34]$/, // this process stood still in a transaction, and the server ended it
  /^53/, // resources, but for the full disk
  /^57P/, // shut down, starting up
  /^57014$/, // statement timeout
  /^55P03$/, // lock not available
  /^25006$/, // a standby until the failover is over
  /^40/, // rolled back because of others
  /^28/, // not let in (yet): a password that is being changed must not end jobs
  /^3D000$/, // the database does not exist yet
  /^42501$/, // not allowed (yet): rights that are being granted anew must not end jobs
  /^58/, // the server's disk or system fails
];

export function describePostgresFailure(thrown: unknown): OcrError {
  if (thrown instanceof OcrError) return thrown;
  if (!(thrown instanceof pg.DatabaseError)) {
    // This error repeats the whole URL, with its password.
    if (isInvalidUrl(thrown)) return OcrError.from(new Error('DATABASE_URL is not a URL'));
    // What is not the server's answer is the connection's failure, unless it is our own mistake.
    if (isProgramError(thrown)) return OcrError.from(thrown);
    return new OcrError('store_unavailable', 'The job store cannot be reached', { cause: thrown });
  }
  const code = thrown.code ?? '';
  // The error's other fields may hold values.
  const cause = new Error(`Postgres ${code}: ${thrown.message}`);
  if (code === '53100') return new OcrError('storage_full', 'The job store is full', { cause });
  if (transient.some((pattern) => pattern.test(code))) {
    return new OcrError('store_unavailable', 'The job store cannot be used', { cause });
  }
  return new OcrError('internal', 'Something went wrong on our side', { cause });
}

/** Neither the server's refusal of a statement nor one of our own: the connection is of no use any more. */
export function endsConnection(thrown: unknown): boolean {
  if (thrown instanceof pg.DatabaseError) return /^(08|57P|25P0[34])/.test(thrown.code ?? '');
  return !(thrown instanceof OcrError);
}

/** The statement itself took too long; those that wait for a lock end by another timeout before. */
export function isTooSlow(thrown: unknown): boolean {
  return thrown instanceof pg.DatabaseError && thrown.code === '57014';
}

/** Serialization failure or deadlock: the same transaction succeeds when it is run again. */
export function isRolledBackForOthers(thrown: unknown): boolean {
  return thrown instanceof pg.DatabaseError && (thrown.code === '40001' || thrown.code === '40P01');
}

function isInvalidUrl(thrown: unknown): boolean {
  return thrown instanceof TypeError && 'code' in thrown && thrown.code === 'ERR_INVALID_URL';
}

function isProgramError(thrown: unknown): boolean {
  return thrown instanceof TypeError || thrown instanceof RangeError || thrown instanceof SyntaxError;
}
