import { existsSync, globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, test } from 'vitest';
import { readRules, readRuleTests } from './rule-files.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const alerts = readRules().flatMap(({ alert, ...rule }) => (alert === undefined ? [] : [{ alert, ...rule }]));
const names = alerts.map(({ alert }) => alert);
const cases = readRuleTests().flatMap(({ tests }) => tests.flatMap(({ alert_rule_test = [] }) => alert_rule_test));

function kebabCase(name: string): string {
  return name.replaceAll(/(?<=[a-z0-9])(?=[A-Z])/g, '-').toLowerCase();
}

test('there are alerts, each once', () => {
  expect(names.length).toBeGreaterThan(10);
  expect(new Set(names).size).toBe(names.length);
});

describe.each(alerts)('$alert', ({ alert, labels = {}, annotations = {} }) => {
  it('says how bad it is, what it is, how much of it or who has it, and where to read on', () => {
    expect(['critical', 'warning']).toContain(labels['severity']);
    expect(annotations['summary']).toMatch(/\w/);
    expect(annotations['description']).toMatch(/\$value|\$labels\.instance/);
    expect(annotations['runbook_url']).toBe(`docs/runbooks/${kebabCase(alert)}.md`);
  });

  it('has a runbook with all parts', () => {
    const runbook = readFileSync(path.join(root, 'docs/runbooks', `${kebabCase(alert)}.md`), 'utf8');
    expect(runbook).toMatch(new RegExp(`^# ${alert}\n`));
    const parts = [...runbook.matchAll(/^## (.*)$/gm)].map(([, part]) => part);
    expect(parts).toEqual(['What users notice', 'Look at', 'Do', 'When it is false']);
  });

  it('has a case in which it fires, and one in which it does not', () => {
    const own = cases.filter(({ alertname }) => alertname === alert);
    expect(own.some(({ exp_alerts = [] }) => exp_alerts.length > 0)).toBe(true);
    expect(own.some(({ exp_alerts = [] }) => exp_alerts.length === 0)).toBe(true);
  });
});

test('no runbook and no case is about an alert that is not there', () => {
  const runbooks = globSync('docs/runbooks/*.md', { cwd: root }).map((file) => path.basename(file, '.md'));
  expect(runbooks.toSorted()).toEqual(names.map(kebabCase).toSorted());
  expect(cases.map(({ alertname }) => alertname).filter((name) => !names.includes(name))).toEqual([]);
});

test('links of runbooks lead somewhere', () => {
  for (const file of globSync('docs/runbooks/*.md', { cwd: root })) {
    const text = readFileSync(path.join(root, file), 'utf8');
    const targets = [...text.matchAll(/\]\((?!https?:|#)([^)#]+)/g)].map(([, target = '']) => target);
    expect(
      targets.filter((target) => !existsSync(path.join(root, path.dirname(file), target))),
      file,
    ).toEqual([]);
  }
});

test('rules are tested in the order in which they are recorded: promtool would take any other', () => {
  for (const { group_eval_order } of readRuleTests()) {
    expect(group_eval_order).toEqual(['glyphmill-objectives', 'glyphmill-queue']);
  }
});
