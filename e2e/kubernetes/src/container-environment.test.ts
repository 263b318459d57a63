import { expect, test } from 'vitest';
import { expandReferences } from './container-environment.ts';

test.each([
  ['http://$(HOST):$(PORT)', 'http://pod:80'],
  ['$(UNKNOWN)', '$(UNKNOWN)'],
  ['$$(HOST)', '$(HOST)'],
  ['$HOST', '$HOST'],
])('%s is %s', (text, expanded) => {
  expect(expandReferences(text, { HOST: 'pod', PORT: '80' })).toBe(expanded);
});
