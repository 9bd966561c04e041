import { describe, expect, it } from 'vitest';
import { type HostSubject, isActive, parseCondition, type Subject } from './cel.ts';

const HOST: HostSubject = {
  name: 'db01',
  app: 'orders',
  application: 'orders',
  env: 'prod',
  environment: 'prod',
  tags: ['batch'],
  attributes: { rack: 'r1', cpus: 4 },
  cluster: 'ordersdb',
  tiers: ['db'],
  components: ['orders-db'],
  products: ['orders-db'],
  role: 'db',
  clusterRole: 'active',
};

function answer(text: string, subject: Subject = 'plannedHostWithFacts', facts: Record<string, unknown> = {}) {
  const parsed = parseCondition(text, subject);
  if (!parsed.ok) throw new Error(parsed.error.message);
  return parsed.value.holds({ host: HOST, facts });
}

describe('a condition', () => {
  it.each([
    ['host.app == "orders" && host.environment == "prod"', true],
    ['"batch" in host.tags', true],
    ['host.attributes.rack == "r2"', false],
    ['host.attributes.cpus + 1 == 5', true],
    ['host.clusterRole != "active"', false],
    ['host.name.startsWith("db") ? true : false', true],
    ['has(facts.pg) && facts.pg.lag < 0.5', false],
  ])('%s is %s', (text, expected) => {
    expect(answer(text)).toEqual({ ok: true, value: expected });
  });

  it.each([
    ['', 0, 'an empty one never means all'],
    ['  \n', 0, 'an empty one never means all'],
    ['host.app ==', 11, 'no valid condition'],
    ['host.app = "x"', 9, 'Unexpected character: = (did you mean "=="?)'],
    ['host.app == "x" and true', 16, '(did you mean "&&"?)'],
    ['host.ap == "x"', 5, 'host has no ap (did you mean "app"?)'],
    ['true && host.clusterRole == "x"', 13, 'host has no clusterRole; it has name, app'],
    ['has(host.ap)', 9, 'host has no ap (did you mean "app"?)'],
    ['["a"].exists(t, host.nam == t)', 21, 'host has no nam (did you mean "name"?)'],
    ['hots.app == "x"', 0, 'Unknown variable: hots (did you mean "host"?)'],
    ['true ||\n  enviroment == "x"', 10, 'Unknown variable: enviroment (did you mean "host.environment"?)'],
    ['host.app == payments', 12, 'there is host, and a text is written in quotes: "payments"'],
    ['host.name.startWith("a")', 10, 'there is no function startWith (did you mean "startsWith"?)'],
    ['host.tags.exist(t, t == "a")', 10, 'there is no function exist (did you mean "exists"?)'],
    ['siz(host.tags) > 1', 0, 'there is no function siz (did you mean "size"?)'],
    ['host.app == 3', 0, 'no such overload'],
    ['host.app', 0, 'this gives string'],
    ['1 + 1', 0, 'this gives int'],
  ])('%j is refused at character %d: %s', (text, offset, message) => {
    const parsed = parseCondition(text, 'host');
    expect(parsed).toEqual({ ok: false, error: { offset, message: expect.stringContaining(message) } });
  });

  it('is told the nearest key where the roles are known', () => {
    expect(parseCondition('host.clusterRol == "active"', 'plannedHost')).toMatchObject({
      error: { offset: 5, message: expect.stringContaining('(did you mean "clusterRole"?)') },
    });
  });

  it('may call what it goes through as it likes', () => {
    expect(parseCondition('[{"a": 1}].exists(host, host.a == 1)', 'host').ok).toBe(true);
  });

  it('cannot ask for roles before these are known, nor for facts where there are none', () => {
    expect(parseCondition('host.clusterRole == "active"', 'host').ok).toBe(false);
    expect(parseCondition('facts.a == 1', 'plannedHost').ok).toBe(false);
    expect(parseCondition('host.name == "a"', 'facts').ok).toBe(false);
  });

  it('has no answer, rather than "no", where a value is missing or of another kind', () => {
    expect(answer('facts.pg.inRecovery')).toMatchObject({ ok: false });
    expect(answer('facts.pg', 'facts', { pg: 'yes' })).toEqual({
      ok: false,
      error: 'it gives string, not true or false',
    });
    expect(answer('host.attributes.nope == "x"')).toMatchObject({ ok: false });
  });

  it('cannot cost without end', () => {
    expect(parseCondition(`${'('.repeat(5_000)}true${')'.repeat(5_000)}`, 'host').ok).toBe(false);
    expect(parseCondition(Array.from({ length: 5_000 }, () => 'true').join(' && '), 'host').ok).toBe(false);
  });
});

describe('the question which member is active', () => {
  it.each([
    ['facts.pg.role == "active"', { pg: { role: 'active' } }, true],
    ['facts.pg.role == "active"', { pg: { role: 'standby' } }, false],
    ['facts.pg.role == "active"', {}, null],
    ['facts.pg.role ==', { pg: { role: 'active' } }, null],
  ])('%s over %j is %s', (text, facts, expected) => {
    expect(isActive(text, facts)).toBe(expected);
  });
});
