import { describe, expect, it } from 'vitest';
import type { Bundle, Evidence } from './ports.ts';
import { barOf, judgePromotion, needsOf, overtaken } from './promotion.ts';
import type { Ring, RingNeeds } from './rings.ts';

const DAY = 86_400_000;
const NO_DIGEST = `sha256:${'0'.repeat(64)}` as const;
const NOW = Date.parse('2026-11-30T20:00:00Z');

const bundleOf = (change: Partial<Bundle> = {}): Bundle => ({
  ...{ name: 'nov', digest: NO_DIGEST, asked: NO_DIGEST, ring: 'test', ringSince: NOW - DAY },
  ...{
    releases: [],
    packages: [],
    advisories: [],
    held: null,
    withdrawn: null,
    createdBy: 'olga',
    createdAt: NOW - DAY,
  },
  ...change,
});
const ring = (name: string, needs: Partial<RingNeeds> = {}): Ring => ({
  name,
  needs: { ageMs: null, hosts: null, successShare: null, noOpenIncidents: false, signOff: null, ...needs },
});
const standing = (evidence: Partial<Evidence> = {}, signedBy: string[] = [], bundle = bundleOf()) => ({
  bundle,
  evidence: { patched: 0, failed: 0, atWork: 0, openIncidents: [], ...evidence },
  signedBy,
});
const only = (needs: Partial<RingNeeds>, known: ReturnType<typeof standing>) =>
  needsOf(ring('inactive', needs), known, NOW);

describe('what a ring needs', () => {
  it.each([
    ['a day, exactly', { ageMs: DAY }, standing(), true, '24 h in test: 24 h so far'],
    ['a moment more', { ageMs: DAY + 60_000 }, standing(), false, '24 h 1 min in test: 24 h so far'],
    ['servers', { hosts: 2 }, standing({ patched: 2 }), true, '2 servers patched in test: 2 so far'],
    ['more servers', { hosts: 3 }, standing({ patched: 2 }), false, '3 servers patched in test: 2 so far'],
    [
      'a share, reached',
      { successShare: 0.9 },
      standing({ patched: 9, failed: 1 }),
      true,
      '90 % of the servers patched: 9 of 10',
    ],
    [
      'a share, missed',
      { successShare: 0.95 },
      standing({ patched: 9, failed: 1 }),
      false,
      '95 % of the servers patched: 9 of 10',
    ],
    ['a share of none', { successShare: 0.5 }, standing(), false, '50 % of the servers patched: none has been begun'],
    [
      'a share while some are at work',
      { successShare: 0.5 },
      standing({ patched: 9, atWork: 1 }),
      false,
      '50 % of the servers patched: 9 of 9, 1 still at work',
    ],
    ['no incident', { noOpenIncidents: true }, standing(), true, 'no open incident of its runs: none'],
    [
      'no incident, and one is there',
      { noOpenIncidents: true },
      standing({ openIncidents: ['12 · stop db01'] }),
      false,
      'no open incident of its runs: 12 · stop db01',
    ],
    [
      'a signature of somebody',
      { signOff: { from: [], need: 1, notAuthor: true } },
      standing({}, ['grace']),
      true,
      '1 signatures, not olga, who made it: grace',
    ],
    [
      'a signature, and only the author has signed',
      { signOff: { from: [], need: 1, notAuthor: true } },
      standing({}, ['olga']),
      false,
      '1 signatures, not olga, who made it: none',
    ],
    [
      'two signatures of three people, of whom one has signed',
      { signOff: { from: ['ada', 'grace', 'olga'], need: 2, notAuthor: false } },
      standing({}, ['grace', 'mallory']),
      false,
      '2 signatures of ada, grace, olga: grace',
    ],
  ] as const)('%s', (_, needs, known, met, text) => {
    expect(only(needs, known)).toMatchObject([{ met, text }]);
  });
});

describe('a promotion', () => {
  const signOff = { from: [], need: 1, notAuthor: true };
  const rings = [ring('test'), ring('inactive', { ageMs: 2 * DAY, signOff }), ring('active')];
  const judge = (known: ReturnType<typeof standing>, to: string, expedite = false) => {
    const judged = judgePromotion({ rings, to, expedite, now: NOW }, known);
    return judged.ok ? judged.value.without.map(({ need }) => need) : `${judged.error.code}: ${judged.error.message}`;
  };

  it('needs all that the ring asks for, and says all that is missing', () => {
    expect(judge(standing({}, ['grace'], bundleOf({ ringSince: NOW - 2 * DAY })), 'inactive')).toEqual([]);
    expect(judge(standing(), 'inactive')).toBe(
      'promotion-not-now: bundle nov may not enter the ring inactive yet. It needs 48 h in test: 24 h so far; ' +
        '1 signatures, not olga, who made it: none. Time and numbers can be done without, with a reason: --expedite.',
    );
  });

  it('in a hurry goes without time and numbers, and never without people', () => {
    expect(judge(standing({}, ['grace']), 'inactive', true)).toEqual(['age']);
    expect(judge(standing(), 'inactive', true)).toMatch(
      /^promotion-not-now: .* It needs 1 signatures, not olga, .*: none\.$/,
    );
  });

  it('passes over no ring that needs something, goes to no ring that is not there, and not back', () => {
    expect(judge(standing({}, ['grace']), 'active', true)).toMatch(/cannot pass over the ring inactive/);
    expect(judge(standing(), 'actve')).toBe(
      'ring-unknown: there is no ring actve (did you mean "active"?): there are test, inactive, active',
    );
    expect(judge(standing({}, [], bundleOf({ ring: 'active' })), 'test')).toMatch(/^already-promoted: /);
  });

  it('waits for a hold, and is over after a withdrawal', () => {
    const word = { by: 'ada', reason: 'breaks the ledger', at: NOW };
    expect(judge(standing({}, ['grace'], bundleOf({ held: word })), 'inactive', true)).toBe(
      'bundle-frozen: bundle nov is held by ada: breaks the ledger ("tidemark bundle release nov")',
    );
    expect(barOf(bundleOf({ held: word, withdrawn: word }))).toBe('bundle nov was withdrawn by ada: breaks the ledger');
  });
});

describe('a newer bundle', () => {
  const exact = (name: string) => ({ name, version: '1', architecture: null, sha256: null });
  const rings = ['test', 'inactive', 'active'].map(name => ring(name));
  const oct = bundleOf({ name: 'oct', createdAt: NOW - 30 * DAY, packages: [exact('openssl'), exact('bash')] });
  const nov = bundleOf({ packages: [exact('openssl')] });

  it('overtakes an older one that brings the same and has not come as far', () => {
    expect(overtaken(nov, 'inactive', [oct, nov], rings)).toEqual([
      'it overtakes oct, which is in test and brings openssl too',
    ]);
  });

  it.each([
    ['has come as far', { ring: 'inactive' }],
    ['brings other things', { packages: [exact('bash')] }],
    ['was withdrawn', { withdrawn: { by: 'ada', reason: 'x', at: NOW } }],
    ['is newer', { createdAt: NOW }],
  ])('does not overtake one that %s', (_, change) => {
    expect(overtaken(nov, 'inactive', [{ ...oct, ...change }], rings)).toEqual([]);
  });
});
