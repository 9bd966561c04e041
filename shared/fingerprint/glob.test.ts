import { Buffer } from 'node:buffer';
import { expect, it } from 'vitest';
import { compileGlob, compileTextGlob } from './glob.ts';

it.each([
  ['/opt/x', '/opt/x', true],
  ['/opt/x', '/opt/xy', false],
  ['/opt/*', '/opt/x', true],
  ['/opt/*', '/opt/x/y', false],
  ['/opt/**', '/opt/x/y', true],
  ['/opt/**', '/opt', false],
  ['**/*.log', '/var/a.log', true],
  ['/var/**/*.log', '/var/a.log', true],
  ['/var/**/*.log', '/var/x/y/a.log', true],
  ['/var/**/*.log', '/var/a.logs', false],
  ['/var/**/log', '/var/log', true],
  ['/a?c', '/abc', true],
  ['/a?c', '/aüc', true],
  ['/a?c', '/a/c', false],
  ['/a.c', '/abc', false],
  ['/[a]', '/[a]', true],
  ['/a*b*c', '/axxbxxc', true],
  ['/a*b*c', '/axxcxxb', false],
  ['/Büro/*', '/Büro/a', true],
])('%s on %s is %s', (pattern, path, expected) => {
  expect(compileGlob(pattern)(Buffer.from(path))).toBe(expected);
  expect(compileTextGlob(pattern)(Buffer.from(path).toString('latin1'))).toBe(expected);
});

it('decides over bytes that are no UTF-8', () => {
  expect(compileGlob('/x/*')(Buffer.from([0x2f, 0x78, 0x2f, 0xff]))).toBe(true);
});

it('needs no more than a walk over the path, however the pattern is made', () => {
  const matches = compileGlob(`/${'**a'.repeat(40)}b`);
  expect(matches(Buffer.from(`/${'a'.repeat(4_000)}`))).toBe(false);
});
