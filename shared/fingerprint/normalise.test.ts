import { describe, expect, it } from 'vitest';
import { normaliseText } from './normalise.ts';
import type { Normaliser } from './profile.ts';

const HOST = { names: ['db01.example.org', 'db01'], addresses: ['10.0.0.1', 'fe80::1'], ids: ['0123456789abcdef'] };

const normalised = (text: string, ...rules: Normaliser[]) =>
  normaliseText(Buffer.from(text), rules, HOST)?.toString('utf8');

describe('what is taken out of a text', () => {
  it.each<[string, Normaliser, string]>([
    ['name = db01.example.org', 'hostname', 'name = <hostname>'],
    ['peers: DB01, db010, xdb01', 'hostname', 'peers: <hostname>, db010, xdb01'],
    ['listen 10.0.0.1:80; dns 10.0.0.12', 'addresses', 'listen <address>:80; dns 10.0.0.12'],
    ['a fe80::1 b', 'addresses', 'a <address> b'],
    ['id 0123456789abcdef', 'uuids', 'id <uuid>'],
    ['UUID=3E6be9de-8139-11d1-9106-a43f08d823a6 /', 'uuids', 'UUID=<uuid> /'],
    ['# made 2026-11-21T15:00:01.5Z by x', 'timestamps', '# made <timestamp> by x'],
    ['# made 2026-11-21 15:00:01 +0100', 'timestamps', '# made <timestamp>'],
    ['# Sat Nov 21 15:00:01 UTC 2026', 'timestamps', '# <timestamp>'],
    ['version 1.2.3', 'timestamps', 'version 1.2.3'],
    ['b=1\na=2\n\n# note\n[z]\nd=1\nc=2', 'key-order', 'a=2\nb=1\n[z]\nc=2\nd=1'],
  ])('%j by %s is %j', (text, rule, expected) => {
    expect(normalised(text, rule)).toBe(expected);
  });

  it('is nothing but what a rule names', () => {
    const text = 'db01 10.0.0.1 2026-11-21\n\nb\na';
    expect(normalised(text, 'uuids')).toBe(text);
  });

  it('is not looked for in what is no text', () => {
    expect(normaliseText(Buffer.from([0x61, 0]), ['hostname'], HOST)).toBeNull();
    expect(normaliseText(Buffer.from([0xff, 0xfe]), ['hostname'], HOST)).toBeNull();
  });
});
