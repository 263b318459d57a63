import type { z } from 'zod';

export interface ConfigProblem {
  readonly name: string;
  readonly detail: string;
}

/** Names every bad setting at once. Holds no values: any of them may be a secret. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly problems: readonly ConfigProblem[];

  constructor(problems: readonly ConfigProblem[]) {
    super(`Bad settings in the environment:\n${problems.map(({ name, detail }) => `  ${name}: ${detail}`).join('\n')}`);
    this.problems = problems;
  }
}

/** Settings that mean nothing alone: forgetting the password must not open a service that was meant to be closed. */
const pairs = [
  ['BASIC_AUTH_USERNAME', 'BASIC_AUTH_PASSWORD'],
  ['S3_ACCESS_KEY_ID', 'S3_SECRET_ACCESS_KEY'],
] as const;

function findHalfPairs(names: ReadonlySet<string>, given: Readonly<Record<string, string>>): ConfigProblem[] {
  return pairs.flatMap(([first, second]) => {
    if (!names.has(first) || !names.has(second)) return [];
    if ((given[first] === undefined) === (given[second] === undefined)) return [];
    const [missing, present] = given[first] === undefined ? [first, second] : [second, first];
    return [{ name: missing, detail: `expected a value, since ${present} is set` }];
  });
}

/**
 * Reads the variables that are keys of `schema` out of `env`; an empty string counts as unset.
 * Throws ConfigError with every bad key, never with a value.
 */
export function parseEnvironment<S extends z.ZodObject>(
  schema: S,
  env: Readonly<Record<string, string | undefined>>,
): z.infer<S> {
  const names = new Set(Object.keys(schema.shape));
  const given: Record<string, string> = {};
  for (const name of names) {
    const value = env[name];
    if (value !== undefined && value !== '') given[name] = value;
  }
  const problems = findHalfPairs(names, given);
  const parsed = schema.safeParse(given);
  if (!parsed.success) {
    for (const issue of parsed.error.issues) {
      const name = issue.path.map(String).join('.');
      const missing = issue.path.length === 1 && given[name] === undefined;
      problems.push({ name: name === '' ? 'settings' : name, detail: missing ? 'is required' : issue.message });
    }
  }
  if (problems.length > 0 || !parsed.success) throw new ConfigError(problems);
  return parsed.data;
}
