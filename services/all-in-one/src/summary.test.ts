import { parseEnvironment } from '@glyphmill/core/config';
import { expect, it } from 'vitest';
import { allInOneSettings } from './all-in-one-settings.ts';
import { summarize } from './summary.ts';

function summaryOf(env: Record<string, string>): string {
  return summarize({
    settings: parseEnvironment(allInOneSettings, env),
    ports: { api: 8000, web: 5000, ops: { api: 9464, worker: 9465, ingest: 9466, web: 9467 } },
    dataFolder: '/srv/glyphmill',
    inbox: '/srv/pictures',
    engineProcesses: '2',
  });
}

it('says where everything is', () => {
  const summary = summaryOf({});
  expect(summary).toContain('http://127.0.0.1:8000/analyze');
  expect(summary).toContain('http://127.0.0.1:8000/jobs');
  expect(summary).toMatch(/Page +http:\/\/localhost:5000 /);
  expect(summary).toMatch(/Inbox +\/srv\/pictures /);
  expect(summaryOf({ HOST: '::1' })).toMatch(/Page +http:\/\/\[::1\]:5000 /);
  expect(summary).toMatch(/Data folder +\/srv\/glyphmill\n/);
  expect(summary).toMatch(/Database +ocr_data\.db in the data folder\n/);
  expect(summaryOf({ DATABASE_URL: 'file:/mnt/jobs.db' })).toMatch(/Database +\/mnt\/jobs\.db\n/);
});

it('prints no password', () => {
  const summary = summaryOf({
    BASIC_AUTH_USERNAME: 'clerk',
    BASIC_AUTH_PASSWORD: 'swordfish',
    DATABASE_URL: 'postgres://me:swordfish@db.internal/jobs',
  });
  expect(summary).not.toContain('swordfish');
  expect(summary).toMatch(/Database +the Postgres at DATABASE_URL\n/);
});
