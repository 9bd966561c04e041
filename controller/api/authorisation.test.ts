import { describe, expect, it } from 'vitest';
import { bearerToken, grants } from './authorisation.ts';
import { Role } from './contract/common.ts';

describe('roles', () => {
  const allowed = new Set([
    'viewer viewer',
    ...['viewer', 'operator'].map(need => `operator ${need}`),
    ...['viewer', 'approver'].map(need => `approver ${need}`),
    ...Role.options.map(need => `admin ${need}`),
  ]);
  const pairs = Role.options.flatMap(have => Role.options.map(need => [have, need] as const));

  it.each(pairs)('%s may do what needs %s only where the table says so', (have, need) => {
    expect(grants(have, need)).toBe(allowed.has(`${have} ${need}`));
  });
});

describe('bearer tokens', () => {
  it.each([
    ['Bearer tma_0123456789', 'tma_0123456789'],
    ['bearer tma_0123456789', 'tma_0123456789'],
    ['Bearer short', null],
    ['Bearer two words', null],
    [`Bearer ${'x'.repeat(513)}`, null],
    ['Basic dXNlcjpwYXNz', null],
    ['', null],
    [undefined, null],
  ])('%j holds %j', (header, token) => expect(bearerToken(header)).toBe(token));
});
