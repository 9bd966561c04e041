import { expect, it } from 'vitest';
import { parseReference } from './references.ts';

it.each([
  ['db01', { kind: 'now', host: 'db01' }],
  ['db01@3f2a91c0', { kind: 'fingerprint', host: 'db01', id: '3f2a91c0' }],
  ['db01@2026-03-21T22:00:00Z', { kind: 'then', host: 'db01', atMs: Date.UTC(2026, 2, 21, 22) }],
  ['db01@2026-03-21T23:00+01:00', { kind: 'then', host: 'db01', atMs: Date.UTC(2026, 2, 21, 22) }],
  ['baseline:golden@2', { kind: 'baseline', name: 'golden@2' }],
])('%s is a reference', (text, reference) => {
  expect(parseReference(text)).toEqual({ ok: true, value: reference });
});

it.each(['db01@', 'db01@friday', 'db01@2026-03-21', 'db01@2026-13-41T00:00Z', 'db01@3f2a91'])('%s is none', text => {
  expect(parseReference(text)).toMatchObject({ ok: false, error: expect.stringContaining(`in "${text}" is no`) });
});
