import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AssertionFailed } from './assert.ts';
import { canonicalJson, type Json, parseJson } from './canonical-json.ts';

const utf8 = (text: string) => Buffer.from(text, 'utf8');

describe('canonical JSON', () => {
  it('writes the example of RFC 8785, section 3.2.2', () => {
    const text = `{
      "numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
      "string": "\\u20ac$\\u000F\\u000aA'\\u0042\\u0022\\u005c\\\\\\"\\/",
      "literals": [null, true, false]
    }`;
    expect(canonicalJson(JSON.parse(text) as Json)).toBe(
      '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],' +
        '"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}',
    );
  });

  it('sorts keys by UTF-16 code units, as RFC 8785, section 3.2.3, has it', () => {
    const value = { '€': 1, '\r': 2, '\ufb33': 3, '1': 4, '😀': 5, '\u0080': 6, ö: 7 };
    const keys = Object.keys(JSON.parse(canonicalJson(value)) as object).filter(key => key !== '1');
    expect(canonicalJson(value).startsWith('{"\\r":2,"1":4,')).toBe(true);
    expect(keys).toEqual(['\r', '\u0080', 'ö', '€', '😀', '\ufb33']);
  });

  it.each([
    [0, '0'],
    [-0, '0'],
    [5e-324, '5e-324'],
    [1.7976931348623157e308, '1.7976931348623157e+308'],
    [9007199254740991, '9007199254740991'],
    [1e21, '1e+21'],
    [999999999999999900000, '999999999999999900000'],
    [1e-7, '1e-7'],
  ])('writes %d as %s', (number, text) => {
    expect(canonicalJson(number)).toBe(text);
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])('has no text for %d', number => {
    expect(() => canonicalJson({ a: [number] })).toThrow(AssertionFailed);
  });

  it('leaves out members that are undefined', () => {
    expect(canonicalJson({ a: undefined, b: null })).toBe('{"b":null}');
  });

  it('reads back as the same value, whatever it is', () => {
    fc.assert(
      fc.property(fc.jsonValue({ noUnicodeString: false }), value => {
        expect(JSON.parse(canonicalJson(value as Json))).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });

  it('is one text for one value, in whatever order its members were set', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), members => {
        const reversed = Object.fromEntries(Object.entries(members).reverse());
        expect(canonicalJson(reversed as Json)).toBe(canonicalJson(members as Json));
      }),
    );
  });
});

describe('parseJson', () => {
  it.each([
    ['a JSON text', utf8('{"a":1}'), { a: 1 }],
    ['nothing', utf8(''), undefined],
    ['half a text', utf8('{"a":'), undefined],
    ['bytes that are not UTF-8', Buffer.from([0x22, 0xff, 0x22]), undefined],
  ])('takes %s for what it is', (_, bytes, value) => {
    expect(parseJson(bytes)).toEqual(value);
  });
});
