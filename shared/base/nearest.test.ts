import { describe, expect, it } from 'vitest';
import { didYouMean, nearest } from './nearest.ts';

describe('the nearest known word', () => {
  it.each([
    ['wehn', ['name', 'when', 'needs'], 'when'],
    ['maxParalel', ['maxParallel', 'pick'], 'maxParallel'],
    ['SELECT', ['select', 'steps'], 'select'],
    ['wavs', ['waves', 'window'], 'waves'],
    ['q', ['a', 'b'], null],
    ['frobnicate', ['waves', 'window'], null],
    ['x'.repeat(1000), ['waves'], null],
    ['wave', [], null],
  ])('of %s among %j is %s', (word, known, expected) => {
    expect(nearest(word, known)).toBe(expected);
  });

  it('is the first one where two are equally near', () => {
    expect(nearest('web0', ['web1', 'web2'])).toBe('web1');
  });

  it('is asked for in words, and not at all where there is none', () => {
    expect(didYouMean('wehn', ['when'])).toBe(' (did you mean "when"?)');
    expect(didYouMean('zzz', ['when'])).toBe('');
  });
});
