import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

/**
 * Proves that the lint settings hold the rules of the house: a small tree with the real .oxlintrc.json gets files that
 * break each rule, and the linter has to name each of them. A rule that is deleted or mistyped fails here.
 */
const root = fileURLToPath(new URL('..', import.meta.url));

/** What might be imported, by the name that the tables below use. */
const probes = {
  ocr: '@glyphmill/ocr',
  ocrPool: '@glyphmill/ocr/pool',
  core: '@glyphmill/core/errors',
  service: '@glyphmill/api',
  program: '@glyphmill/cli/src/main.ts',
  bullmq: 'bullmq',
  ioredis: 'ioredis',
  drizzle: 'drizzle-orm/sqlite-core',
  sqlite: 'better-sqlite3',
  postgres: 'pg',
  s3: '@aws-sdk/client-s3',
  hono: 'hono',
  honoServer: '@hono/node-server',
  httpPackage: '@glyphmill/http/basic-auth',
  sharp: 'sharp',
  onnx: 'onnxruntime-node',
  intoPackage: '../../../packages/core/src/errors.ts',
  intoSibling: '../../api/src/app.ts',
  utils: './utils.ts',
  helpers: '../helpers.ts',
  common: './common/ids.ts',
  process: 'node:process',
  testServers: '@glyphmill/test-servers/redis',
  opentelemetry: '@opentelemetry/api',
} as const;
type Probe = keyof typeof probes;

const inTracing: Probe[] = ['utils', 'helpers', 'common', 'process'];
/** Outside of tracing itself. */
const forAll: Probe[] = [...inTracing, 'opentelemetry'];
const acrossPackages: Probe[] = ['intoPackage', 'intoSibling', 'service', 'program'];
const engine: Probe[] = ['ocr', 'ocrPool'];
const redis: Probe[] = ['bullmq', 'ioredis'];
const sql: Probe[] = ['drizzle', 'sqlite', 'postgres'];
const http: Probe[] = ['hono', 'honoServer', 'httpPackage'];

/** File → what it may not import. Everything else in `probes` it may. */
const forbidden: Record<string, Probe[]> = {
  'packages/ocr/src/pipeline.ts': [
    ...forAll,
    ...acrossPackages,
    's3',
    ...engine,
    'core',
    ...redis,
    ...sql,
    ...http,
    'sharp',
    'onnx',
    'testServers',
  ],
  'packages/ocr/src/pool/engine-pool.ts': [
    ...forAll,
    ...acrossPackages,
    's3',
    ...engine,
    'core',
    ...redis,
    ...sql,
    ...http,
    'sharp',
    'onnx',
    'testServers',
  ],
  'packages/ocr/src/image.ts': [
    ...forAll,
    ...acrossPackages,
    's3',
    ...engine,
    'core',
    ...redis,
    ...sql,
    ...http,
    'onnx',
    'testServers',
  ],
  'packages/ocr/src/model.ts': [
    ...forAll,
    ...acrossPackages,
    's3',
    ...engine,
    'core',
    ...redis,
    ...sql,
    ...http,
    'sharp',
    'testServers',
  ],
  'packages/ocr/src/pipeline.test.ts': [
    ...forAll,
    ...acrossPackages,
    's3',
    ...engine,
    'core',
    ...redis,
    ...sql,
    ...http,
    'onnx',
    'testServers',
  ],
  'packages/core/src/config.ts': [
    ...forAll,
    ...acrossPackages,
    's3',
    ...engine,
    ...redis,
    ...sql,
    ...http,
    'sharp',
    'onnx',
    'testServers',
  ],
  'packages/core/src/queue/job-queue.ts': [
    ...forAll,
    ...acrossPackages,
    's3',
    ...engine,
    ...sql,
    ...http,
    'sharp',
    'onnx',
    'testServers',
  ],
  'packages/core/src/store/jobs.ts': [
    ...forAll,
    ...acrossPackages,
    's3',
    ...engine,
    ...redis,
    ...http,
    'sharp',
    'onnx',
    'testServers',
  ],
  'packages/core/src/blobs/s3/s3-bucket.ts': [
    ...forAll,
    ...acrossPackages,
    ...engine,
    ...redis,
    ...sql,
    ...http,
    'sharp',
    'onnx',
    'testServers',
  ],
  'packages/core/src/tracing/otlp-tracer.ts': [
    ...inTracing,
    's3',
    ...acrossPackages,
    ...engine,
    ...redis,
    ...sql,
    ...http,
    'sharp',
    'onnx',
    'testServers',
  ],
  'packages/core/test/queue.test.ts': [...forAll, ...acrossPackages, ...engine, ...http, 'sharp', 'onnx'],
  'packages/cli/src/ocr.ts': [...forAll, ...acrossPackages, 's3', ...redis, ...sql, ...http, 'onnx', 'testServers'],
  'packages/test-servers/src/redis.ts': [
    ...forAll,
    ...acrossPackages,
    ...engine,
    'core',
    'bullmq',
    'drizzle',
    'sqlite',
    ...http,
    'sharp',
    'onnx',
    'testServers',
  ],
  'packages/http/src/basic-auth.ts': [
    ...forAll,
    ...acrossPackages,
    's3',
    ...engine,
    ...redis,
    ...sql,
    'sharp',
    'onnx',
    'testServers',
  ],
  'packages/http/test/http-server.test.ts': [
    ...forAll,
    ...acrossPackages,
    's3',
    ...engine,
    ...redis,
    ...sql,
    'sharp',
    'onnx',
  ],
  'packages/cli/test/ocr.test.ts': [...forAll, ...acrossPackages, 's3', ...redis, ...sql, ...http, 'onnx'],
  'bench/src/score.ts': [...forAll, ...acrossPackages, 's3', ...redis, ...sql, ...http, 'onnx'],
  'services/api/src/app.ts': [
    ...forAll,
    ...acrossPackages,
    's3',
    ...engine,
    ...redis,
    ...sql,
    'sharp',
    'onnx',
    'testServers',
  ],
  'services/api/test/app.test.ts': [...forAll, ...acrossPackages, 's3', ...engine, ...sql, 'onnx'],
  'services/worker/src/worker.ts': [
    ...forAll,
    ...acrossPackages,
    's3',
    ...redis,
    ...sql,
    ...http,
    'sharp',
    'onnx',
    'testServers',
  ],
  'services/worker/test/worker.test.ts': [...forAll, ...acrossPackages, 's3', ...sql, 'onnx'],
  'e2e/faults.test.ts': [...forAll, ...acrossPackages, 's3', ...engine, ...sql, 'onnx'],
  // Independent of the store, whose books they check.
  'e2e/src/postgres-database.ts': [...forAll, ...acrossPackages, 's3', ...engine, 'drizzle', 'sqlite', 'onnx'],
  'tools/generate.ts': [...forAll, 'service', 'program', 's3', ...redis, ...sql, 'onnx', 'testServers'],
  'scripts/new-room.ts': [
    ...forAll,
    ...acrossPackages,
    's3',
    ...engine,
    ...redis,
    ...sql,
    ...http,
    'sharp',
    'onnx',
    'testServers',
  ],
};

/** Rule → a file that breaks it. A rule may need a second file. */
const offenses: Record<string, { path?: string; code: string; also?: Record<string, string> }> = {
  'typescript/no-floating-promises': { code: 'export function go() {\n  Promise.resolve(1);\n}' },
  'typescript/no-misused-promises': {
    code: 'export const go = (p: Promise<boolean>) => { if (p) { return 1; } return 2; };',
  },
  'typescript/await-thenable': { code: 'export async function go() {\n  await 1;\n}' },
  'typescript/no-explicit-any': { code: 'export const go = (value: any): unknown => value;' },
  'typescript/no-non-null-assertion': { code: 'export const go = (value: number | undefined) => value!;' },
  'typescript/switch-exhaustiveness-check': {
    code: "export function go(k: 'a' | 'b') {\n  switch (k) {\n    case 'a':\n      return 1;\n  }\n  return 2;\n}",
  },
  'typescript/only-throw-error': { code: "export function go() {\n  throw 'text';\n}" },
  'typescript/return-await': {
    code: 'export async function go(p: Promise<number>) {\n  try {\n    return p;\n  } catch {\n    return 0;\n  }\n}',
  },
  'typescript/no-deprecated': {
    code: "import { old } from './old.ts';\nexport const go = () => old();",
    also: { 'old.ts': '/** @deprecated gone */\nexport const old = () => 1;' },
  },
  'typescript/consistent-type-imports': {
    code: "import { Stats } from 'node:fs';\nexport const go = (s: Stats) => s.size;",
  },
  'typescript/no-require-imports': { code: "import fs = require('node:fs');\nexport const go = fs;" },
  'typescript/restrict-template-expressions': { code: 'export const go = (o: { a: number }) => `${o}`;' },
  'typescript/require-array-sort-compare': { code: 'export const go = (n: number[]) => n.toSorted();' },
  'typescript/no-misused-spread': { code: 'export const go = (map: Map<string, number>) => ({ ...map });' },
  'vitest/valid-expect': {
    path: 'services/api/src/valid-expect.test.ts',
    code: "import { expect, it } from 'vitest';\nit('asserts nothing', () => {\n  expect(1);\n});",
  },
  'import/no-cycle': {
    code: "import { back } from './cycle-back.ts';\nexport const go = () => back();",
    also: { 'cycle-back.ts': "import { go } from './no-cycle.ts';\nexport const back = (): unknown => go;" },
  },
  'import/no-default-export': { code: 'export default 1;' },
  'import/no-commonjs': { code: 'module.exports = 1;' },
  'node/no-process-env': { code: "export const go = process.env['PORT'];" },
  'unicorn/prefer-node-protocol': { code: "import fs from 'fs';\nexport const go = fs;" },
  'unicorn/filename-case': { path: 'services/api/src/camelCase.ts', code: 'export const go = 1;' },
  eqeqeq: { code: 'export const go = (a: unknown) => a == 1;' },
  'no-var': { code: 'export var go = 1;' },
  'prefer-const': { code: 'let a = 1;\nexport const go = () => a;' },
  'no-console': { code: "console.log('hello');\nexport const go = 1;" },
  'no-unused-vars': { code: 'const a = 1;\nexport const go = 1;' },
  'max-lines': { code: Array.from({ length: 351 }, (_, i) => `export const n${i} = ${i};`).join('\n') },
  'max-lines-per-function': {
    code: `export function go(n: number) {\n${'  n += 1;\n'.repeat(81)}  return n;\n}`,
  },
};

/** Files whose very names are refused, whatever they hold. */
const badNames = [
  'packages/core/src/utils.ts',
  'services/api/src/helpers.ts',
  'packages/ocr/src/common/ids.ts',
  'bench/src/misc.ts',
];

interface Diagnostic {
  readonly code: string;
  readonly filename: string;
  readonly labels: readonly { readonly span: { readonly line: number } }[];
}

let tree: string;
let found: Diagnostic[];

function put(path: string, text: string): void {
  mkdirSync(join(tree, dirname(path)), { recursive: true });
  writeFileSync(join(tree, path), `${text}\n`);
}

/** `import/no-cycle` as the settings write it is `eslint-plugin-import(no-cycle)` in the linter's answer. */
function ruleOf(diagnostic: Diagnostic): string {
  const match = /^(?:eslint-plugin-)?([\w-]+)\(([\w-]+)\)$/.exec(diagnostic.code);
  const [, plugin = '', rule = ''] = match ?? [];
  return plugin === 'eslint' ? rule : `${plugin === 'typescript-eslint' ? 'typescript' : plugin}/${rule}`;
}

const offensePath = (rule: string) => offenses[rule]?.path ?? `services/api/src/${rule.split('/').at(-1)}.ts`;
const reported = (path: string) => found.filter((diagnostic) => diagnostic.filename === path);

beforeAll(() => {
  tree = mkdtempSync(join(tmpdir(), 'glyphmill-lint-'));
  for (const file of ['.oxlintrc.json', 'tsconfig.json', 'package.json']) cpSync(join(root, file), join(tree, file));
  // Only the types: the linter would follow a link to the whole folder and lint it.
  mkdirSync(join(tree, 'node_modules'));
  symlinkSync(join(root, 'node_modules/@types'), join(tree, 'node_modules/@types'));
  const names = Object.keys(probes);
  for (const path of Object.keys(forbidden)) {
    put(
      path,
      Object.values(probes)
        .map((from, i) => `export { default as ${names[i]} } from '${from}';`)
        .join('\n'),
    );
  }
  for (const [rule, { code, also }] of Object.entries(offenses)) {
    put(offensePath(rule), code);
    for (const [name, text] of Object.entries(also ?? {})) put(`services/api/src/${name}`, text);
  }
  for (const path of badNames) put(path, 'export const id = 1;');
  put('services/api/src/main.ts', "export const go = process.env['PORT'];");
  found = lint();
});

afterAll(() => rmSync(tree, { recursive: true, force: true }));

function lint(): Diagnostic[] {
  let output: string;
  try {
    output = execFileSync(join(root, 'node_modules/.bin/oxlint'), ['--type-aware', '-f', 'json'], {
      cwd: tree,
      encoding: 'utf8',
      maxBuffer: 64e6,
      timeout: 60_000,
    });
  } catch (error) {
    output = (error as { stdout: string }).stdout;
  }
  return (JSON.parse(output) as { diagnostics: Diagnostic[] }).diagnostics;
}

describe('who may import whom', () => {
  it.each(Object.keys(forbidden))('%s', (path) => {
    const lines = new Set(
      reported(path)
        .filter((diagnostic) => ruleOf(diagnostic) === 'no-restricted-imports')
        .map((diagnostic) => diagnostic.labels[0]?.span.line),
    );
    const refused = Object.keys(probes).filter((_, i) => lines.has(i + 1));
    expect(refused.toSorted()).toEqual(forbidden[path]?.toSorted());
  });
});

describe('rules', () => {
  it.each(Object.keys(offenses))('%s fires', (rule) => {
    expect(reported(offensePath(rule)).map(ruleOf)).toContain(rule);
  });

  it('has an offense for every rule that the settings switch on', () => {
    const settings = JSON.parse(readFileSync(join(root, '.oxlintrc.json'), 'utf8')) as {
      rules: Record<string, string | [string]>;
    };
    const proved = new Set([...Object.keys(offenses), 'no-restricted-imports']);
    const on = Object.keys(settings.rules).filter((rule) => settings.rules[rule] !== 'off');
    expect(on.filter((rule) => !proved.has(rule))).toEqual([]);
  });

  it.each(badNames)('refuses the file name %s', (path) => {
    expect(reported(path).map(ruleOf)).toContain('max-lines');
  });

  it('lets main.ts read the environment', () => {
    expect(reported('services/api/src/main.ts')).toEqual([]);
  });
});
