// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the placeholders of the policy language.
import { describe, expect, it } from 'vitest';
import { errorsOf, planned } from './testing/world.ts';

const argsOf = (checks: string, name = 'web01') => {
  const steps = `[{id: validate, uses: check/all, with: {checks: ${checks}}}]`;
  const plan = planned({ clusters: null, select: `host.name == "${name}"`, steps });
  return plan.orders.flatMap(({ jobs }) => jobs).map(({ call }) => (call.kind === 'check/all' ? call.args.checks : []));
};
const errors = (checks: string) =>
  errorsOf({
    clusters: null,
    select: 'host.name == "web01"',
    steps: `[{id: validate, uses: check/all, with: {checks: ${checks}}}]`,
  }).join('\n');

describe('several checks in one step', () => {
  it('can be written in short, with the host filled in', () => {
    const [checks] = argsOf(
      '[{cel: facts.failedUnits.size() == 0}, {http: "https://${host.name}:8443/health", expect: 204}, {sql: select 1, expect: "1"}]',
    );
    expect(checks).toEqual([
      { kind: 'check/facts', args: { condition: 'facts.failedUnits.size() == 0', withinMs: 0 } },
      {
        kind: 'check/http',
        args: { url: 'https://web01:8443/health', expectStatus: 204, expectText: null, withinMs: 30_000 },
      },
      { kind: 'check/sql', args: expect.objectContaining({ query: 'select 1', expectValue: '1', user: 'postgres' }) },
    ]);
  });

  it('are each for the hosts that its own condition says', () => {
    const checks = '[{uses: check/loaded, when: host.name == "web01"}, {sql: select 1, when: host.name == "web02"}]';
    const kinds = (name: string) => argsOf(checks, name).map(found => found.map(({ kind }) => kind));
    expect([kinds('web01'), kinds('web02')]).toEqual([[['check/loaded']], [['check/sql']]]);
  });

  it('make no job on a host for which none is left', () => {
    expect(errors('[{sql: select 1, when: host.role == "db"}]')).toMatch(/none of the steps does anything on web01/);
  });

  it('of which nobody can say whether they are for a host are an error, not left out', () => {
    expect(errors('[{uses: check/loaded, when: facts.nothing.here}]')).toMatch(
      /which checks of step validate are for .* cannot be said/,
    );
  });

  it.each([
    [
      'a condition that cannot be read',
      '[{uses: check/loaded}, {cel: facts.a ==}]',
      /^9:\d+ this is no valid condition: Unexpected token/,
    ],
    ['one that gives a number', '[{cel: size(facts)}]', /gives int, and a condition must give true or false/],
    ['one over the landscape', '[{cel: host.name == "a"}]', /no valid condition.*host/],
    ['an empty one', '[{cel: ""}]', /empty/],
    ['a slip in the long form', '[{uses: check/facts, with: {condition: 1 +}}]', /no valid condition/],
    ['a condition on hosts that cannot be read', '[{cel: "true", when: host.}]', /no valid condition/],
    ['a page of another kind', '[{http: "file:///etc/passwd"}]', /must be a URL of http or https/],
    ['a placeholder that is not known', '[{http: "http://${host.ip}/"}]', /"host.ip" is unknown/],
    ['an unknown key', '[{cel: "true", wihtin: 3s}]', /unknown key "wihtin".*did you mean "within"/],
    ['checks in checks', '[{uses: check/all, with: {checks: []}}]', /must be "check\/clock" or/],
  ])('are refused with %s', (_what, checks, words) => {
    expect(errors(checks)).toMatch(words);
  });

  it('say where in the file a condition is wrong', () => {
    const [first] = errorsOf({
      clusters: null,
      steps: '[{id: v, uses: check/all, with: {checks: [{cel: "facts.a == 1 && ("}]}}]',
    });
    const at = (text: string) => Number(/:(\d+)(?:: |$| )/.exec(text)?.[1]);
    expect(at(first ?? '')).toBeGreaterThan(60);
  });
});

it('a condition over facts is a step of its own too', () => {
  const steps = '[{id: fresh, uses: check/facts, with: {condition: "facts.pg.lag < 3", within: 1m}}]';
  const [job] = planned({ clusters: null, select: 'host.name == "web01"', steps }).orders.flatMap(({ jobs }) => jobs);
  expect(job).toMatchObject({
    name: 'check fresh on web01',
    call: { kind: 'check/facts', args: { condition: 'facts.pg.lag < 3', withinMs: 60_000 } },
  });
  expect(errorsOf({ clusters: null, steps: '[{id: a, uses: check/facts, with: {condition: facts.}}]' }).join()).toMatch(
    /no valid condition/,
  );
});
