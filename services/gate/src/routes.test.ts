import { expect, test } from 'vitest';
import { parseRoutes } from './routes.ts';

test('reads several routes', () => {
  expect(parseRoutes('8000=api:8000, 5000=web:5001,')).toEqual([
    { port: 8000, targetHost: 'api', targetPort: 8000 },
    { port: 5000, targetHost: 'web', targetPort: 5001 },
  ]);
});

test.each(['', ' , ', '8000', '8000=api', '8000=api:', '0=api:1', '8000=api:70000', '8000=a b:1', '8000=:1'])(
  'refuses "%s" and names the setting',
  (text) => {
    expect(() => parseRoutes(text)).toThrow(/GATE_ROUTES/);
  },
);

test('refuses a port that is given twice', () => {
  expect(() => parseRoutes('8000=api:1,8000=web:2')).toThrow(/8000 twice/);
});
