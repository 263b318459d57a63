import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Term } from '@glyphmill/core/leader';
import { Registry } from '@glyphmill/core/metrics';
import { createLogRecorder } from '@glyphmill/http/test/log-recorder';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { deepChecks } from './deep-checks.ts';
import { readGauges } from './ingest-gauges.ts';
import { createIngestMetrics } from './ingest-metrics.ts';
import { InboxScanner } from './inbox-scanner.ts';
import { WaitingFiles } from './take/waiting-files.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'glyphmill-scanner-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const longTerm = () => new Term({ wallMs: Date.now() + 600_000, monotonicMs: performance.now() + 600_000 });
const leaderOf = (term: Term | Promise<Term | undefined>) => ({
  term: vi.fn<() => Promise<Term | undefined>>(async () => term),
});

function startScanner(inbox: string, leader = leaderOf(longTerm())) {
  const { logger, lines } = createLogRecorder();
  const waiting = new WaitingFiles({ settleMs: 1, capacity: 10 });
  const scanner = new InboxScanner({
    inbox,
    left: new Set(),
    rescanMs: 600_000,
    failurePauseMs: 5,
    store: {
      inboxFiles: () => Promise.resolve(new Map()),
      unreadableInboxFiles: () => Promise.resolve([]),
      forgetInboxFiles: () => Promise.resolve(),
    },
    waiting,
    leader,
    metrics: createIngestMetrics({ registry: new Registry(), gauges: () => ({}) as never }),
    logger,
    onKnown: () => undefined,
  });
  const told = () => lines.filter(({ level }) => level !== 'debug').map(({ message }) => message);
  return { scanner, told, waiting, rounds: () => leader.term.mock.calls.length };
}

test('a folder that is away is told of once, and once that it is back', async () => {
  const inbox = join(folder, 'inbox');
  const { scanner, told, rounds } = startScanner(inbox);
  await vi.waitFor(() => expect(rounds()).toBeGreaterThan(100), { timeout: 15_000 });
  expect(told()).toEqual(['The inbox cannot be looked at']);
  expect(scanner.isReadable).toBe(false);
  await mkdir(inbox);
  await vi.waitFor(() => expect(scanner.report).toBeDefined(), { timeout: 15_000 });
  await vi.waitFor(() => expect(told()).toEqual(['The inbox cannot be looked at', 'The inbox can be looked at again']));
  await scanner.stop();
});

/** What is told of an inbox, and whether a deep check is content with it. */
async function tell({ scanner, waiting }: ReturnType<typeof startScanner>, leader: { readonly isLeading: boolean }) {
  const registry = new Registry();
  const parts = { scanner, waiting, leader, room: { unfinished: 0 }, taker: { isPaused: false } };
  createIngestMetrics({ registry, gauges: () => readGauges(parts) });
  const fine = () => Promise.resolve();
  const checks = await deepChecks({ queue: { ping: fine }, store: { check: fine }, blobs: { check: fine }, ...parts });
  const text = await registry.metrics();
  const samples = [...text.matchAll(/^glyphmill_ingest_(\w+) (\S+)$/gm)].map(([, name, value]) => `${name} ${value}`);
  return { samples, isInboxFine: checks['inbox']?.ok };
}

test('who never leads tells nothing of an inbox at which it does not look, and is ready to', async () => {
  const { promise: never, resolve: stopWaiting } = Promise.withResolvers<undefined>();
  const standby = startScanner(join(folder, 'inbox'), leaderOf(never));
  expect(standby.scanner.isReadable).toBeUndefined();
  const { samples, isInboxFine } = await tell(standby, { isLeading: false });
  expect(isInboxFine).toBe(true);
  expect(samples).toContain('leader 0');
  const names = ['inbox_readable', 'seen_images', 'ignored_files', 'unfinished_jobs', 'waiting_files', 'last_scan'];
  expect(samples.filter((sample) => names.some((name) => sample.startsWith(name)))).toEqual([]);
  stopWaiting(undefined);
  await standby.scanner.stop();
});

test('who leads tells what it has seen, for as long as it leads', async () => {
  await writeFile(join(folder, 'notes.txt'), 'no image');
  const term = longTerm();
  const { promise: nextTerm, resolve: elect } = Promise.withResolvers<Term | undefined>();
  const leader = leaderOf(term);
  const leading = startScanner(folder, leader);
  await vi.waitFor(() => expect(leading.scanner.report).toBeDefined(), { timeout: 15_000 });
  const { samples, isInboxFine } = await tell(leading, { isLeading: true });
  expect(isInboxFine).toBe(true);
  for (const sample of ['inbox_readable 1', 'ignored_files 1', 'seen_images 0', 'unfinished_jobs 0'])
    expect(samples).toContain(sample);

  leader.term.mockImplementation(() => nextTerm);
  term.end('somebody else has the lease');
  expect([leading.scanner.isReadable, leading.scanner.report]).toEqual([undefined, undefined]);
  await rm(folder, { recursive: true });
  elect(longTerm());
  await vi.waitFor(() => expect(leading.scanner.isReadable).toBe(false), { timeout: 15_000 });
  expect(leading.scanner.report).toBeUndefined();
  expect((await tell(leading, { isLeading: true })).isInboxFine).toBe(false);
  await leading.scanner.stop();
});
