import { describe, expect, it } from 'vitest';
import { factsNamedIn, parseFactsCondition } from './facts.ts';

const answer = (text: string, facts: Record<string, unknown>) => {
  const parsed = parseFactsCondition(text);
  if (!parsed.ok) throw new Error(parsed.error.message);
  return parsed.value(facts);
};

describe('a condition over facts', () => {
  it.each([
    ['facts.kernel.running == facts.kernel.newest', { kernel: { running: '6.1', newest: '6.1' } }, true],
    ['facts.failedUnits.size() == 0', { failedUnits: ['a.service'] }, false],
    ['facts.disks.exists(d, d.mount == "/" && d.freeBytes > 1000)', { disks: [{ mount: '/', freeBytes: 2000 }] }, true],
    ['!has(facts.pg) || facts.pg.lag < 10', {}, true],
  ])('%s', (text, facts, holds) => {
    expect(answer(text, facts)).toEqual({ ok: true, value: holds });
  });

  it('that has no answer says why, and is never false', () => {
    expect(answer('facts.pg.lag < 10', {})).toMatchObject({ ok: false, error: expect.stringMatching(/pg/) });
    expect(answer('facts.pg', { pg: 'yes' })).toEqual({ ok: false, error: 'it gives string, not true or false' });
  });

  it.each([
    ['facts.a ==', /no valid condition/],
    ['host.name == "a"', /no valid condition.*host/],
    ['size(facts)', /gives int, and a condition must give true or false/],
    ['  ', /is empty/],
  ])('is refused where it cannot be read or gives something else: %s', (text, words) => {
    const parsed = parseFactsCondition(text);
    expect(parsed).toMatchObject({ ok: false, error: { message: expect.stringMatching(words) } });
  });
});

describe('the facts that a condition names', () => {
  it.each([
    [
      'facts.kernel.running == facts.kernel.newest',
      [
        ['kernel', 'running'],
        ['kernel', 'newest'],
      ],
    ],
    ['facts.failedUnits.size() == 0', [['failedUnits']]],
    ['has(facts.pg) && facts . pg . lag < 3', [['pg'], ['pg', 'lag']]],
    ['facts.disks.exists(d, d.mount == "/")', [['disks']]],
    ['facts["pg"].lag < 3', null],
    ['facts.exists(name, name == "pg")', null],
    ['size(facts) > 3', null],
    ['true', []],
  ])('%s', (text, paths) => {
    expect(factsNamedIn(text)).toEqual(paths);
  });
});
