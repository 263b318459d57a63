import { expect, test } from 'vitest';
import { nameOf, parsePeersArguments } from './peers-command.ts';

test.each([
  [[], 'npm run bench:peers'],
  [['some/receipts'], 'npm run bench:peers -- DIR'],
  [
    ['/home/me/receipts', '--passes', '1', '--report', 'docs/performance.md', '--no-rapidocr'],
    'npm run bench:peers -- DIR --passes 1 --report docs/performance.md --no-rapidocr',
  ],
  [['--json=/home/me/out.json'], 'npm run bench:peers -- --json out.json'],
])('%j is told as %s', (args, command) => {
  expect(parsePeersArguments(args, '/home/me').command).toBe(command);
});

test('takes relative names from where they were typed, and everything part by default', () => {
  const options = parsePeersArguments(['receipts', '--report', 'a.md'], '/home/me');
  expect(options).toMatchObject({
    dir: '/home/me/receipts',
    report: '/home/me/a.md',
    models: ['small', 'tiny'],
    rapidocr: true,
    api: { requestsPerLoad: 30 },
  });
});

test.each([
  [['--no-api', '--no-rapidocr', '--model', 'tiny'], { api: undefined, rapidocr: false, models: ['tiny'] }],
  [['--load-requests', '5'], { api: { requestsPerLoad: 5 } }],
])('%j', (args, expected) => {
  expect(parsePeersArguments(args, '/')).toMatchObject(expected);
});

test.each([[['a', 'b']], [['--report', 'a.txt']], [['--passes', '0']], [['--model', 'huge']]])('refuses %j', (args) => {
  expect(() => parsePeersArguments(args, '/')).toThrow(/one folder|FILE\.md|whole number|one of/);
});

test.each([
  ['/data/sroie/img', 'sroie'],
  ['/data/receipts', 'receipts'],
  ['/data/drawn-receipts/', 'drawn-receipts'],
])('images of %s are called %s', (dir, name) => {
  expect(nameOf(dir)).toBe(name);
});
