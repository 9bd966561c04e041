import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { celLanguage } from './cel.ts';
import { shapeOf } from './shape.ts';
import { type Answer, answered, decide, parseTree, questionsIn, type TreeOptions } from './tree.ts';

const SHAPE = shapeOf(
  {
    name: z.string(),
    os: z.object({ id: z.string(), version: z.string() }),
    memory: z.object({ totalBytes: z.int(), availableBytes: z.int().nullable() }),
    packages: z.array(z.object({ name: z.string(), version: z.string() })),
    groups: z.array(z.string()),
    services: z.record(z.string(), z.object({ active: z.string() })),
  },
  'Host',
);
const OPTIONS: TreeOptions = {
  language: celLanguage({ host: SHAPE.fields }, SHAPE.types),
  variable: 'host',
  groups: 'groups',
  lists: new Set(['packages']),
};

const parsed = (text: string) => {
  const tree = parseTree(text, OPTIONS);
  if (!tree.ok) throw new Error(tree.error.message);
  return tree.value;
};
const refusal = (text: string) => {
  const tree = parseTree(text, OPTIONS);
  return tree.ok ? 'taken' : `${tree.error.offset}: ${tree.error.message}`;
};

describe('a condition over hosts', () => {
  it.each([
    ['host.os.idd == "debian"', '8: this is no valid condition: host.os has no idd (did you mean "id"?)'],
    ['host.packages.exists(p, p.nme == "a")', '26: this is no valid condition: p has no nme (did you mean "name"?)'],
    [
      'has(host.memory.total)',
      '16: this is no valid condition: host.memory has no total; it has totalBytes, availableBytes',
    ],
    [
      'host.services["a"].activ == "x"',
      '19: this is no valid condition: host.services["a"] has no activ (did you mean "active"?)',
    ],
    [
      'deb(host.os.version) < "12"',
      expect.stringContaining('a version is compared with one of its own kind, like deb("1.2-3")'),
    ],
    ['deb(host.os.version) < rpm("12")', expect.stringContaining('a version is compared with one of its own kind')],
    ['host.memory.totalBytes == "a"', expect.stringMatching(/^0: .*no such overload/)],
    ['host.os.id = "a"', expect.stringContaining('did you mean "=="?')],
    [
      'host.packages.exists(a, host.packages.exists(b, host.packages.exists(c, c.name == a.name)))',
      expect.stringContaining('too long'),
    ],
    ['size(host) > 1', expect.stringContaining('no matching overload')],
    ['[host].size() > 0', expect.stringContaining('host alone says nothing')],
    ['host.groups.size() > 1', expect.stringContaining('"gold" in host.groups')],
    [' ', expect.stringContaining('is empty')],
    ['host.name', expect.stringContaining('this gives string')],
  ])('%s is refused where it is wrong', (text, message) => {
    expect(refusal(text)).toEqual(message);
  });

  it('is cut into questions that say what they need', () => {
    const tree = parsed(
      'host.os.id == "debian" && !("gold" in host.groups) && host.packages.exists(p, p.name == host.name || p.name == "a") || host.packages.exists(p, p.version != "1")',
    );
    expect([...questionsIn(tree)].map(({ is, text }) => [is, text])).toEqual([
      ['question', 'host.os.id == "debian"'],
      ['member', '"gold" in host.groups'],
      ['question', 'host.packages.exists(p, p.name == host.name || p.name == "a")'],
      ['list', 'host.packages.exists(p, p.version != "1")'],
    ]);
    expect([...questionsIn(tree)].flatMap(each => (each.is === 'question' ? [each.fields] : []))).toEqual([
      ['os'],
      ['name', 'packages'],
    ]);
  });

  it.each<[string, Record<string, Answer>, Answer]>([
    ['a && b', { a: true, b: null }, null],
    ['a && b', { a: false, b: null }, false],
    ['a && b', { a: null, b: false }, false],
    ['a || b', { a: null, b: true }, true],
    ['a || b', { a: null, b: false }, null],
    ['!a', { a: null }, null],
    ['!a', { a: false }, true],
    ['a && (b || !c) && d', { a: true, b: null, c: false, d: true }, true],
  ])('%s with %j is %s', (text, answers, expected) => {
    const tree = parsed(text.replaceAll(/[a-d]/g, letter => `(host.name == "${letter}")`));
    expect(decide(tree, question => answers[/"(.)"/.exec(question.text)?.[1] ?? ''] ?? null)).toBe(expected);
  });

  it('means the same as CEL means, however it is cut', () => {
    const question = fc.constantFrom(
      'host.os.id == "debian"',
      'deb(host.os.version) < deb("12.9")',
      'host.packages.exists(p, p.name == "a" && deb(p.version) < deb("2"))',
      'host.packages.all(p, p.version != "1")',
      'host.name.matches("^d.*1$")',
    );
    const condition = fc.letrec<{ any: string }>(tie => ({
      any: fc.oneof(
        { maxDepth: 4 },
        question,
        fc.tuple(tie('any'), fc.constantFrom('&&', '||'), tie('any')).map(([a, sign, b]) => `(${a} ${sign} ${b})`),
        tie('any').map(inner => `!(${inner})`),
      ),
    })).any;
    const host = fc.record({
      name: fc.constantFrom('db01', 'web01'),
      os: fc.record({ id: fc.constantFrom('debian', 'rocky'), version: fc.constantFrom('12.8', '12.10') }),
      packages: fc.array(fc.record({ name: fc.constantFrom('a', 'b'), version: fc.constantFrom('1', '2', '10') }), {
        maxLength: 3,
      }),
    });
    fc.assert(
      fc.property(condition, host, (text, value) => {
        const tree = parsed(text);
        const whole = OPTIONS.language.environment.parse(text);
        const answer = decide(tree, each => {
          if (each.is === 'member') return null;
          if (each.is === 'question') return answered(each.evaluate({ host: value })).answer;
          const items = value.packages.map(item => answered(each.evaluate({ [each.item]: item })).answer);
          return each.macro === 'exists' ? items.includes(true) : !items.includes(false);
        });
        expect(answer).toBe(whole({ host: value }));
      }),
    );
  });

  it.each([
    ['semver("x") < semver("1.0.0")', 'no version of semver'],
    ['host.memory.availableBytes > 1', 'No such key: availableBytes'],
  ])('%s has no answer, and says why', (text, why) => {
    const [question] = questionsIn(parsed(text));
    const value = { name: 'a', memory: { totalBytes: 1n } };
    const said = question?.is === 'question' ? answered(question.evaluate({ host: value })) : null;
    expect(said).toEqual({ answer: null, why: expect.stringContaining(why) });
  });

  it('takes a pattern that would never end in linear time', () => {
    const [question] = questionsIn(parsed('host.name.matches("^(a+)+$")'));
    const from = performance.now();
    const said = question?.is === 'question' && question.evaluate({ host: { name: `${'a'.repeat(2_000)}b` } });
    expect(said).toEqual({ ok: true, value: false });
    expect(performance.now() - from).toBeLessThan(20_000);
    expect(refusal('host.name.matches("a") && host.name.match("a")')).toContain('did you mean "matches"?');
  });
});
