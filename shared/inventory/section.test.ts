import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SECTION_KINDS } from './kinds.ts';
import { sanitiseText } from './sanitise.ts';
import { MAX_SITE_FACT_BYTES, makeSection, readSection, rootOf } from './section.ts';

const failure = (result: ReturnType<typeof makeSection>) => (result.ok ? null : result.error);

describe('a section', () => {
  it('is named by its content, whatever the order of its members, and by its kind', () => {
    const one = makeSection('pg', { lag: 3, role: 'standby' });
    expect(one).toEqual(makeSection('pg', { role: 'standby', lag: 3 }));
    const other = makeSection('my', { lag: 3, role: 'standby' });
    expect(one.ok && other.ok && one.value.text === other.value.text).toBe(true);
    expect(one.ok && other.ok && one.value.digest === other.value.digest).toBe(false);
  });

  it('of any JSON is read as it was made', () => {
    fc.assert(
      fc.property(fc.jsonValue(), value => {
        const made = makeSection('probe', value);
        expect(made.ok && readSection('probe', made.value.text)).toEqual(made);
      }),
    );
  });

  it.each<[string, string, string, RegExp]>([
    ['not canonical', 'pg', '{"b":1,"a":2}', /^pg: is not in its canonical form$/],
    ['with a control character', 'pg', '"\\u001b[31m"', /canonical/],
    ['with half a surrogate', 'pg', '"\\ud800"', /canonical/],
    ['no JSON', 'pg', '{', /is no JSON/],
    ['of another shape', 'hostname', '{"name":1}', /^hostname: it: /],
    ['with a name that is none', '../x', '1', /is no name for a fact/],
    ['as a prototype', '__proto__.x/', '1', /is no name/],
    ['too long a text', 'hostname', JSON.stringify('x'.repeat(257)), /hostname: it: /],
    ['too many bytes', 'pg', JSON.stringify('x'.repeat(MAX_SITE_FACT_BYTES)), /are more than/],
    ['too deep', 'pg', `${'['.repeat(40)}1${']'.repeat(40)}`, /canonical/],
  ])('that is %s is refused', (_, kind, text, why) => {
    expect(failure(readSection(kind, text))).toMatch(why);
  });

  it('is refused with words that can be kept, whatever its name is', () => {
    const why = failure(makeSection(`odd\0\u001b${'x'.repeat(10_000)}`, 1));
    expect(why).toMatch(/^odd\uFFFD\uFFFDx+: is no name for a fact/);
    expect(why?.length).toBeLessThan(700);
  });

  it('survives JSON that would break a parser by its depth', () => {
    const deep = '['.repeat(200_000) + ']'.repeat(200_000);
    expect(readSection('pg', deep).ok).toBe(false);
  });

  it('keeps a member that is called __proto__ a member', () => {
    const made = makeSection('pg', JSON.parse('{"__proto__": {"admin": true}}'));
    expect(made.ok && made.value.text).toBe('{"__proto__":{"admin":true}}');
  });
});

it.each([
  ['\u001b[31mred', '\uFFFD[31mred'],
  ['x\0y', 'x\uFFFDy'],
  ['1.4.1\u202e', '1.4.1\uFFFD'],
  ['\ud800', '\uFFFD'],
  ['a\tb\nc é 日本', 'a\tb\nc é 日本'],
])('the text %j becomes %j', (text, fit) => {
  expect(sanitiseText(text)).toBe(fit);
  expect(sanitiseText(fit)).toBe(fit);
});

it('the name of an inventory does not depend on the order of its sections, and on each of them', () => {
  const [a, b] = [makeSection('a', 1), makeSection('b', 2)].map(each => (each.ok ? each.value : null));
  if (!a || !b) throw new Error('sections of the test');
  expect(rootOf([a, b])).toBe(rootOf([b, a]));
  expect(rootOf([a])).not.toBe(rootOf([a, b]));
  expect(rootOf([a, { ...b, digest: a.digest }])).not.toBe(rootOf([a, b]));
});

it('every kind has a name that conditions can speak of', () => {
  for (const kind of SECTION_KINDS) expect(kind).toMatch(/^[a-z][A-Za-z]*$/);
});
