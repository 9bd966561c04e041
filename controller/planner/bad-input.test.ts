import { describe, expect, it } from 'vitest';
import type { CompileInput } from './input.ts';
import { parsePolicy } from './parse-policy.ts';
import {
  errorsOf,
  errorText,
  factsOf,
  type PolicyParts,
  planned,
  policyText,
  shop,
  withFacts,
} from './testing/world.ts';

/* What a site can get wrong, to the last word of what it is told: one error, at its place, and no plan. */

type World = Omit<CompileInput, 'policy'>;

const { landscape } = shop();

describe('a plan is refused, in one sentence,', () => {
  it.each<[string, PolicyParts, Partial<World>, string]>([
    [
      'where a tier comes before and after another',
      { tiers: '[{name: web}, {name: app}, {name: web}]' },
      {},
      '8:37 tier web is there twice',
    ],
    [
      'where the order of a cluster goes round in a circle with the order of waves',
      { waves: '[{name: actives, when: host.clusterRole == "active"}, {name: rest}]' },
      {},
      '10:11 these wait for each other: check free space on db01 -> wave actives ends -> wave rest begins -> fingerprint db02 -> check free space on db01',
    ],
    [
      'where steps need each other',
      { steps: '[{id: a, uses: check/disk, needs: [b]}, {id: b, uses: scan/run, needs: [a]}]', clusters: null },
      {},
      '9:44 these steps wait for each other: a needs b needs a',
    ],
    [
      'where waves need each other',
      { waves: '[{name: a, needs: [b]}, {name: b}]' },
      {},
      '10:28 these waves wait for each other: a needs b needs a',
    ],
    [
      'where a host is in two clusters',
      {},
      { landscape: { ...landscape, clusters: [...landscape.clusters, { name: 'more', members: ['db01', 'web01'] }] } },
      '5:11 host db01 is in two clusters, ordersdb and more',
    ],
    [
      'where a host can never fit the window',
      { window: '{duration: 61s, reserve: 60s}', select: 'host.name == "web01"', clusters: null },
      {},
      '7:11 no time for web01: it takes up to 15 s and a reserve of 1 min, and the window has 2 min',
    ],
    [
      'where the waves can never fit the window',
      { window: '{duration: 1h, reserve: 10m}', waves: '[{name: a, pick: 1, soak: 50m}, {name: b}]' },
      {},
      '7:11 wave b cannot end before 51 min are over, however well all goes, and the window less its reserve has 50 min: soak shorter, let more hosts work at once, or plan fewer',
    ],
    [
      'where the window never comes',
      { window: '{duration: 4h, rrule: FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30, start: "22:00"}' },
      { at: null },
      '7:33 FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30 has no occurrence from 2026-11-21T20:00:00.000Z on: it is over, or its days are in no calendar',
    ],
    [
      'where a condition cannot be read',
      { select: 'host.app == ' },
      {},
      '5:22 this is no valid condition: Unexpected token: EOF',
    ],
    [
      'where a condition gives no yes or no',
      { select: 'host.name' },
      {},
      '5:11 this gives string, and a condition must give true or false',
    ],
    [
      'where a selector finds nobody',
      { select: 'host.app == "x"' },
      {},
      '5:11 it selects none of the 8 hosts in the landscape: "tidemark landscape show" lists them',
    ],
    [
      'where a selector is empty',
      { select: '""' },
      {},
      '5:12 the condition is empty: an empty one never means all; write one, such as host.app == "orders", or true for every host',
    ],
  ])('%s', (_, parts, world, expected) => {
    expect(errorsOf(parts, world)).toEqual([expected]);
  });

  it('where a calendar is none', () => {
    const text = policyText({ window: '{duration: 4h, blackout: [a.ics]}' });
    const policy = parsePolicy(text, 'policy.yaml', new Map([['a.ics', '<html>Sign in</html>']]));
    expect(policy.ok ? [] : policy.error.map(errorText)).toEqual([
      '7:37 a.ics is no calendar that can be read: invalid line (no token ";" or ":") "<html>Sign in</html>"',
    ]);
  });
});

describe('a cluster is left out as a whole', () => {
  // A policy without minInService, which a silent host would break.
  const tiers =
    '{order: [{name: web}, {name: app}, {name: db}], overrides: [{when: host.app == "ledger", span: application}]}';
  const active = factsOf(['orders-db'], '1.4.0', { ordersdb: { role: 'active' } });

  it.each([
    [
      'where both members are active',
      withFacts({ db01: active, db02: active }),
      'cluster ordersdb: db01 and db02 both say that they are active',
    ],
    ['where both members are silent', withFacts({ db01: null, db02: null }), 'its agent has reported no facts yet'],
  ])('%s', (_, world, reason) => {
    const plan = planned({ tiers }, world);
    expect(plan.header.excluded).toEqual(['db01', 'db02'].map(host => ({ host, reason })));
    expect(plan.orders.map(({ host }) => host.name).filter(name => name.startsWith('db'))).toEqual([]);
  });
});
