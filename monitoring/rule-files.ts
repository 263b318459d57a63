import { readdirSync, readFileSync } from 'node:fs';
import { load } from 'js-yaml';

/** As far as tests look into it. */
export interface Rule {
  readonly record?: string;
  readonly alert?: string;
  readonly expr: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

export interface RuleTest {
  readonly name: string;
  readonly alert_rule_test?: readonly { readonly alertname: string; readonly exp_alerts?: readonly unknown[] }[];
}

interface RuleTestFile {
  readonly group_eval_order?: readonly string[];
  readonly tests: readonly RuleTest[];
}

const folder = new URL('prometheus/', import.meta.url);

function readAll<Content>(name: string): Content[] {
  const files = new URL(`${name}/`, folder);
  return readdirSync(files).map((file) => load(readFileSync(new URL(file, files), 'utf8')) as Content);
}

export function readRules(): Rule[] {
  type RuleFile = { readonly groups: readonly { readonly rules: readonly Rule[] }[] };
  return readAll<RuleFile>('rules').flatMap(({ groups }) => groups.flatMap(({ rules }) => rules));
}

export function readRuleTests(): RuleTestFile[] {
  return readAll<RuleTestFile>('tests');
}
