import { describe, expect, it } from 'vitest';
import { formatDocumentError } from '../documents/errors.ts';
import { readRings, ringNamed } from './rings.ts';

const read = (rings: string) => {
  const file = `apiVersion: tidemark/v1\nkind: Rings\nspec:\n  rings:\n${rings}`;
  const result = readRings(file, 'rings.yaml');
  return result.ok ? result.value : result.error.map(formatDocumentError);
};

describe('a file of rings', () => {
  it('says what bundles need to go on', () => {
    const needs =
      '{age: 3d, hosts: 4, successShare: 95%, noOpenIncidents: true, signOff: {from: [ada, grace], need: 2}}';
    expect(
      read(`    - name: lab\n    - {name: branches, needs: ${needs}}\n    - {name: vault, needs: {age: 90d}}\n`),
    ).toEqual([
      { name: 'lab', needs: { ageMs: null, hosts: null, successShare: null, noOpenIncidents: false, signOff: null } },
      {
        name: 'branches',
        needs: {
          ...{ ageMs: 3 * 86_400_000, hosts: 4, successShare: 0.95, noOpenIncidents: true },
          signOff: { from: ['ada', 'grace'], need: 2, notAuthor: true },
        },
      },
      {
        name: 'vault',
        needs: { ageMs: 90 * 86_400_000, hosts: null, successShare: null, noOpenIncidents: false, signOff: null },
      },
    ]);
  });

  it.each([
    ['the same twice', '    - name: lab\n    - name: lab\n', 'rings.yaml:6:13: the ring lab is there twice'],
    ['a first one with needs', '    - {name: lab, needs: {age: 1d}}\n', 'it can need nothing'],
    [
      'more signatures than people',
      '    - name: a\n    - {name: b, needs: {signOff: {from: [ada], need: 2}}}\n',
      'rings.yaml:6:54: 2 must sign and only 1 may',
    ],
    [
      'a need that is none',
      '    - name: a\n    - {name: b, needs: {agee: 3d}}\n',
      'unknown key "agee" in spec.rings[1].needs (did you mean "age"?)',
    ],
    ['a time without a unit', '    - name: a\n    - {name: b, needs: {age: "3"}}\n', 'at most 90d'],
    ['none at all', '    []\n', 'spec.rings'],
  ])('is refused with %s', (_, rings, message) => {
    expect(read(rings)).toEqual([expect.stringContaining(message)]);
  });

  it('knows which ring was meant', () => {
    const rings = read('    - name: lab\n    - name: branches\n') as Parameters<typeof ringNamed>[0];
    expect(ringNamed(rings, 'branches')).toEqual({ ok: true, value: 1 });
    expect(ringNamed(rings, 'branch')).toMatchObject({ error: expect.stringContaining('there are lab, branches') });
  });
});
