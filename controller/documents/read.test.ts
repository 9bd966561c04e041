import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { z } from 'zod';
import { MAX_DOCUMENT_BYTES, type ReadDocument, readDocument, readPart } from './read.ts';

const Schema = z.strictObject({
  name: z.string(),
  count: z.int().optional(),
  waves: z.array(z.strictObject({ name: z.string(), when: z.string().optional() })).default([]),
  steps: z
    .union([z.literal('standard'), z.array(z.strictObject({ id: z.string(), uses: z.enum(['a/b', 'c/d']) }))])
    .optional(),
  free: z.record(z.string(), z.unknown()).optional(),
});

function errorsOf(text: string): string[] {
  const read = readDocument(text, 'file.yaml', Schema);
  return read.ok ? [] : read.error.map(({ file, line, column, message }) => `${file}:${line}:${column} ${message}`);
}

function opened(text: string): ReadDocument<z.output<typeof Schema>> {
  const read = readDocument(text, 'file.yaml', Schema);
  if (!read.ok) throw new Error(JSON.stringify(read.error));
  return read.value;
}

describe('what people write', () => {
  it.each([
    ['an alias', 'name: a\nfree: {a: &x 1, b: *x}', ['2:14 anchors', '2:20 aliases']],
    ['a merge key', 'name: a\nfree:\n  <<: {b: 1}', ['3:3 merge keys']],
    ['a tag of its own', 'name: !secret a', ['1:15 tags']],
    ['a tag of YAML', 'name: !!str 1', ['1:13 tags']],
    ['a key twice', 'name: a\nname: b', ['2:1 this key is there twice']],
    ['a second document', 'name: a\n---\nname: b', ['2:1 the file holds more than one document']],
    ['an older YAML', '%YAML 1.1\n---\nname: a', ['1:1 the file says that it is YAML 1.1']],
    ['a key that is no text', 'name: a\nfree: {? [a] : 1}', ['2:10 keys must be texts']],
    ['a key that reaches into objects', 'name: a\nfree: {__proto__: {x: 1}}', ['2:8 no key can be called "__proto__"']],
    ['a tab as indentation', 'name: a\nfree:\n\ta: 1', ['3:1 a tab indents this line']],
    ['an open bracket', 'waves: [', ['1:9 this is no valid YAML']],
    ['a NUL', 'name: "a\\0"', ['1:7 the text holds a NUL']],
    ['half a surrogate pair', 'name: "\\ud800"', ['1:7 the text holds half']],
    ['infinity', 'name: a\nfree: {a: .inf}', ['2:11 infinite']],
    ['nothing', '# only a comment', ['1:1 the file is empty']],
    ['another kind of file', 'hello', ['1:1 the document must be a mapping']],
  ])('is refused where it holds %s', (_, text, expected) => {
    const found = errorsOf(text);
    expect(found).toHaveLength(expected.length);
    for (const [index, start] of expected.entries()) expect(found[index]).toContain(`file.yaml:${start}`);
  });

  it('is refused where it is larger than 10 MB, without being parsed', () => {
    expect(errorsOf('#'.repeat(MAX_DOCUMENT_BYTES + 1))).toEqual([expect.stringContaining('larger than 10 MB')]);
  });

  it.each([
    ['brackets', '['.repeat(100_000)],
    ['braces', `name: ${'{a: '.repeat(100)}`],
    ['list markers', `${'- '.repeat(100_000)}x`],
    ['indentation', Array.from({ length: 3_000 }, (__, depth) => `${' '.repeat(depth)}a:`).join('\n')],
  ])('is refused, and the program survives, where %s nest without end', (_, text) => {
    expect(errorsOf(text).join()).toMatch(/nest(s|ed)/);
  });

  it('is told the nearest known key at the place of the unknown one', () => {
    expect(errorsOf('name: a\nwaves:\n  - name: b\n    wehn: x')).toEqual([
      'file.yaml:4:5 unknown key "wehn" in waves[0] (did you mean "when"?)',
    ]);
  });

  it('is told all known keys where none is near', () => {
    expect(errorsOf('name: a\nzzzzzz: 1')).toEqual([
      'file.yaml:2:1 unknown key "zzzzzz" in the document; known are name, count, waves, steps, free',
    ]);
  });

  it('is told every error at once, from top to bottom', () => {
    expect(errorsOf('count: x\nwaves: [{when: a}, {name: 3}]\nwavs: 1')).toEqual([
      'file.yaml:1:1 name is missing: it must be a string',
      'file.yaml:1:8 count must be a number',
      'file.yaml:2:9 waves[0].name is missing: it must be a string',
      'file.yaml:2:27 waves[1].name must be a string',
      'file.yaml:3:1 unknown key "wavs" in the document (did you mean "waves"?)',
    ]);
  });

  it('is told of the alternative that was meant', () => {
    expect(errorsOf('name: a\nsteps: [{id: x, uses: a/c}]')).toEqual([
      'file.yaml:2:23 steps[0].uses must be "a/b" or "c/d"',
    ]);
    expect(errorsOf('name: a\nsteps: standart')).toEqual(['file.yaml:2:8 steps must be "standard" or a list']);
  });

  it('is told the first error of syntax, and no others that only follow from it', () => {
    expect(errorsOf('name: a: b: c\nwaves: [{name: b, when: "x" y}]\nzz: }')).toEqual([
      expect.stringMatching(/^file.yaml:1:7 this is no valid YAML/),
    ]);
  });

  it('may be JSON, with tabs and a byte order mark', () => {
    expect(opened('\uFEFF{\n\t"name": "a",\n\t"waves": [{"name": "b"}]\n}').value.waves).toEqual([{ name: 'b' }]);
  });

  it('reads like JSON, whatever is in it', () => {
    fc.assert(
      fc.property(fc.string(), fc.dictionary(fc.stringMatching(/^[a-z]{1,8}$/), fc.jsonValue()), (name, free) => {
        fc.pre(!name.includes('\0') && !JSON.stringify(free).includes('\\u0000'));
        fc.pre(JSON.stringify([name, free]).isWellFormed() && !JSON.stringify([name, free]).includes('\\ud'));
        fc.pre(!JSON.stringify(free).includes('"__proto__"') && !JSON.stringify(free).includes('"<<"'));
        const value = JSON.parse(JSON.stringify({ name, free })) as { name: string; free: unknown };
        for (const text of [JSON.stringify(value), stringify(value, { aliasDuplicateObjects: false })])
          expect(opened(text).value).toEqual({ ...value, waves: [] });
      }),
    );
  });

  it('never makes the reader throw', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...'ab:{}[],"\'\n -?&*!|>%@`#\\\t') }), text => {
        expect(() => readDocument(text, 'file.yaml', Schema)).not.toThrow();
      }),
      { numRuns: 500 },
    );
  });
});

describe('places in a document', () => {
  const text = 'name: a\nwaves:\n  - {name: b, when: "x == 1"}\n  - name: c\n    when: |\n      y\n';

  it('are those of values, of keys, and of characters in a text', () => {
    const read = opened(text);
    expect(read.positionOf(['waves', 0, 'when'])).toEqual({ line: 3, column: 21 });
    expect(read.positionOfKey(['waves', 0, 'when'])).toEqual({ line: 3, column: 15 });
    expect(read.positionIn(['waves', 0, 'when'], 5)).toEqual({ line: 3, column: 27 });
  });

  it('fall back to what is around where the file has nothing there', () => {
    const read = opened(text);
    expect(read.positionOf(['waves', 0, 'needs', 3])).toEqual(read.positionOf(['waves', 0]));
    expect(read.positionIn(['waves', 1, 'when'], 0)).toEqual(read.positionOf(['waves', 1, 'when']));
  });
});

describe('a part with a schema of its own', () => {
  it('is refused with places in the whole file', () => {
    const read = opened('name: a\nfree:\n  reserv: 3');
    const part = readPart(read, ['free'], z.strictObject({ reserve: z.int().optional() }), read.value.free);
    expect(part).toEqual({
      ok: false,
      error: [
        { file: 'file.yaml', line: 3, column: 3, message: 'unknown key "reserv" in free (did you mean "reserve"?)' },
      ],
    });
  });
});
