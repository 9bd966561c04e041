import { describe, expect, it } from 'vitest';
import type { HostStanding } from './input.ts';
import { checkRequirements, checkStale } from './requirements.ts';
import { errorsOf, NOW, planned, shop } from './testing/world.ts';

const END = 1_000_000;
const place = { file: 'policy.yaml', line: 3, column: 5 };
const requirement = (
  what: HostStanding['kind'],
  more: { afterMs?: number; otherwise?: 'leave-out' | 'refuse' } = {},
) => ({
  requires: [{ what, afterMs: 0, otherwise: 'leave-out' as const, place, ...more }],
});
const view = { host: { name: 'db01', application: null, environment: null, tags: [], attributes: {} } };
const standing = (kind: HostStanding['kind'], ends: number | null): HostStanding => ({
  kind,
  ends,
  text: `${kind} until ${ends}`,
});
const check = (policy: ReturnType<typeof requirement>, ...standings: HostStanding[]) =>
  checkRequirements(policy, [view], { standings: new Map([['db01', standings]]) }, END);

describe('a requirement', () => {
  it.each<[string, HostStanding[], string | undefined]>([
    ['in force at the end of the window', [standing('maintenance', END)], undefined],
    ['over a moment before', [standing('maintenance', END - 1)], 'maintenance until 999999'],
    ['that is not there', [standing('maintenance', null)], 'maintenance until null'],
    [
      'of one of two products alone',
      [standing('maintenance', END), standing('maintenance', null)],
      'maintenance until null',
    ],
    ['of another kind', [standing('licence', null), standing('maintenance', END)], undefined],
    ['for nothing on the host', [], undefined],
  ])('of a contract %s leaves the host out: %o', (_, standings, reason) => {
    const { leftOut, errors } = check(requirement('maintenance'), ...standings);
    expect(leftOut.get('db01')).toBe(reason);
    expect(errors).toEqual([]);
  });

  it('may want it to last longer than the window', () => {
    expect(check(requirement('os-support', { afterMs: 10 }), standing('os-support', END + 9)).leftOut.size).toBe(1);
    expect(check(requirement('os-support', { afterMs: 10 }), standing('os-support', END + 10)).leftOut.size).toBe(0);
  });

  it('may refuse the whole plan, at its place in the policy', () => {
    const { leftOut, errors } = check(requirement('licence', { otherwise: 'refuse' }), standing('licence', null));
    expect(errors).toEqual([{ ...place, message: 'db01: licence until null' }]);
    expect(leftOut.size).toBe(0);
  });

  it('is not met where nobody looked', () => {
    const { leftOut } = checkRequirements(requirement('os-support'), [view], {}, END);
    expect(leftOut.get('db01')).toBe('nothing is known of its os-support');
  });
});

it('a stale landscape is refused where the policy says so, and noted else', () => {
  const stale = { stale: ['netbox was last imported at noon'] };
  expect(checkStale({ landscape: { onStale: 'note', place } }, stale)).toEqual([]);
  expect(checkStale({ landscape: { onStale: 'refuse', place } }, {})).toEqual([]);
  expect(checkStale({ landscape: { onStale: 'refuse', place } }, stale)).toEqual([
    { ...place, message: expect.stringContaining('netbox was last imported at noon') },
  ]);
});

describe('a plan', () => {
  const HOURS = 3_600_000;
  const landscape = {
    ...shop().landscape,
    stale: ['netbox was last imported at noon'],
    standings: new Map(
      shop().landscape.hosts.map(({ name }) => [
        name,
        // One ends while the window is open still.
        [standing('maintenance', name === 'web01' ? NOW + 2 * HOURS : NOW + 100 * HOURS)],
      ]),
    ),
  };

  it('leaves out who lacks what the policy demands, with the reason, and names stale sources', () => {
    const { header } = planned({ requires: '[{what: maintenance}]' }, { landscape });
    expect(header.excluded).toEqual([{ host: 'web01', reason: `maintenance until ${NOW + 2 * HOURS}` }]);
    expect(header.landscapeStale).toEqual(landscape.stale);
    expect(planned({}, { landscape: shop().landscape }).header).not.toHaveProperty('landscapeStale');
  });

  it('is not made where the policy wants all hosts to have it, or a landscape that is fresh', () => {
    expect(errorsOf({ requires: '[{what: maintenance, after: 1h, otherwise: refuse}]' }, { landscape })).toEqual([
      expect.stringMatching(/^\d+:14 web01: maintenance until/),
    ]);
    expect(errorsOf({ landscape: '{onStale: refuse}' }, { landscape })).toEqual([
      expect.stringContaining('the landscape is stale: netbox was last imported at noon'),
    ]);
    expect(errorsOf({ requires: '[{what: warranty}]' })).toEqual([expect.stringContaining('requires[0].what must be')]);
  });
});
