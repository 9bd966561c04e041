import { Buffer } from 'node:buffer';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isUtf8, joinPath, namesOf, pathBelow, pathBytes, pathText } from './path.ts';

describe('the text of a path', () => {
  it('gives the bytes back, whatever they are', () => {
    const paths = fc.oneof(
      fc.uint8Array({ maxLength: 40 }).map(bytes => Buffer.from(bytes)),
      fc.string({ unit: 'binary', maxLength: 20 }).map(text => Buffer.from(text)),
    );
    fc.assert(
      fc.property(paths, path => {
        expect(pathBytes(pathText(path))).toEqual(path);
      }),
      { numRuns: 3_000 },
    );
  });

  it.each([
    ['/opt/orders-db/bin/run', '/opt/orders-db/bin/run'],
    ['/Büro/日本/🙂', '/Büro/日本/🙂'],
    ['/a\\b', '/a\\\\b'],
    ['/a\nb\u001b[31m', '/a\\x0ab\\x1b[31m'],
    ['/\u202egpj.exe', '/\\xe2\\x80\\xaegpj.exe'],
  ])('of %j is %j', (path, text) => {
    expect(pathText(Buffer.from(path))).toBe(text);
  });

  it('shows bytes that are no UTF-8 as they are', () => {
    expect(pathText(Buffer.from([0x2f, 0xff, 0x61, 0xc3]))).toBe('/\\xffa\\xc3');
    expect(isUtf8(Buffer.from([0xff]))).toBe(false);
  });
});

describe('paths', () => {
  it('are joined from the root on', () => {
    const join = (...names: string[]) =>
      names.reduce<Buffer>((at, name) => joinPath(at, Buffer.from(name)), Buffer.alloc(0));
    expect(`${join('/')} ${join('/', 'a')} ${join('/', 'a', 'b')}`).toBe('/ /a /a/b');
  });

  it('are taken apart without empty names', () => {
    expect(namesOf(Buffer.from('//a/b/')).map(String)).toEqual(['a', 'b']);
  });

  it.each([
    ['/opt', '/opt/a/b', 'a/b'],
    ['/', '/a', 'a'],
    ['/opt', '/opt', null],
    ['/opt', '/optional', null],
  ])('below %s: %s is %s', (directory, path, below) => {
    expect(pathBelow(Buffer.from(directory), Buffer.from(path))?.toString() ?? null).toBe(below);
  });
});
