import { MAX_SECTIONS } from '@tidemark/shared/inventory/section.ts';
import { describe, expect, it } from 'vitest';
import { FACTS_MAX_AGE_MS, isFresh } from './freshness.ts';
import { sectionsOf } from './service.ts';

const NOW = 1_000_000;

describe('facts', () => {
  it('that came as one document are taken apart, and what is not fit to be kept is named', () => {
    const { sections, refused } = sectionsOf({
      probe: ['x\0y', { b: '\ud800', c: Number.NaN, d: [1, null, true] }],
      services: null,
      hostname: { name: 'db01' },
      '../x': 1,
    });
    expect(sections.map(({ kind, text }) => [kind, text])).toEqual([
      ['probe', '["x\uFFFDy",{"b":"\uFFFD","c":null,"d":[1,null,true]}]'],
    ]);
    expect(refused).toEqual([expect.stringMatching(/^hostname: it: /), expect.stringMatching(/^\.\.\/x: is no name/)]);
  });

  it('are not more than a host has reason to tell', () => {
    const many = Object.fromEntries(Array.from({ length: 1_000 }, (_, number) => [`f${number}`, number]));
    expect(sectionsOf(many).sections).toHaveLength(MAX_SECTIONS);
    expect(sectionsOf(many).refused).toHaveLength(MAX_SECTIONS);
  });

  it.each([
    [0, true],
    [FACTS_MAX_AGE_MS, true],
    [FACTS_MAX_AGE_MS + 1, false],
  ])('that are %d ms old are fresh: %s', (age, fresh) => {
    expect(isFresh(NOW, NOW + age)).toBe(fresh);
  });
});
