import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { importGiven } from './by-hand.ts';
import { parseAnsibleList, rowsOfInventory } from './connectors/ansible.ts';
import { parseAnsibleIni } from './connectors/ansible-ini.ts';
import { fromText } from './connectors/open.ts';
import { readCsv } from './csv.ts';
import { Mapping } from './mapping.ts';
import { recordsOfRows } from './rows.ts';
import { createLandscape } from './service.ts';
import { given, memoryLandscape } from './testing/memory.ts';
import { textOf } from './text.ts';

const HEAD = 'apiVersion: tidemark/v1\nkind: Landscape\n';
const LAUGHS = `${HEAD}a: &a [x, x]\n${'bcdefghij'.replace(/./g, (name, at) => `${name}: &${name} [*${'abcdefghi'[at]}, *${'abcdefghi'[at]}]\n`)}hosts: [{name: a}]\n`;
const mapping = {
  fileName: 'map.yaml',
  text: 'mapping:\n  hosts: {name: Host, tags: {column: Tags, split: " "}, attributes: {note: Note}}\n',
};

async function refused(file: Parameters<typeof given>[0]): Promise<string> {
  const { state, store } = memoryLandscape();
  const landscape = createLandscape({ store, clock: { now: () => 1 }, agents: async () => [] });
  const done = await importGiven(landscape, given(file));
  expect([state.versions, [...state.contributions]]).toEqual([[], []]);
  return done.ok ? 'taken' : JSON.stringify(done.error);
}

describe('a landscape file', () => {
  it.each([
    ['a billion laughs', LAUGHS, /aliases/],
    ['a merge key', `${HEAD}hosts: [{<<: {name: a}}]`, /merge keys/],
    ['a tag that makes objects', `${HEAD}hosts: [!!js/function 'x']`, /tags/],
    ['a key twice', `${HEAD}hosts: [{name: a, name: b}]`, /there twice/],
    ['a name that reaches into objects', `${HEAD}hosts: [{name: a, attributes: {__proto__: {x: 1}}}]`, /__proto__/],
    [
      'the constructor of an attribute',
      `${HEAD}hosts: [{name: a, attributes: {constructor: 1}}]`,
      /no name for an attribute/,
    ],
    ['a tag that turns the text', `${HEAD}hosts: [{name: a, tags: ["prod\u202Etset"]}]`, /turns the text/],
    ['a tag with an escape', `${HEAD}hosts: [{name: a, tags: ["\\e[2J"]}]`, /control character/],
    ['a name with a newline', `${HEAD}hosts: [{name: "a\\nb"}]`, /must be a host name/],
    ['a NUL', `${HEAD}hosts: [{name: a, attributes: {x: "\\0"}}]`, /NUL/],
    ['a nest', `${HEAD}hosts: ${'['.repeat(10_000)}`, /nested/],
    ['ten million bytes', `${HEAD}# ${'x'.repeat(10_000_000)}`, /larger than 10 MB/],
    ['half of itself', `${HEAD}hosts: [{name: a}, {name: b`, /no valid YAML/],
  ])('with %s is refused, and nothing is taken', async (_, text, message) => {
    const from = performance.now();
    expect(await refused({ text })).toMatch(message);
    // A second: the machine may be busy. What is here to be found takes minutes, or all memory.
    expect(performance.now() - from).toBeLessThan(1_000);
  });
});

describe('a CSV file', () => {
  it.each([
    ['a quote that nobody closes', 'Host,Tags,Note\na,"x,y\nb,z,w\n', /no valid CSV.*line/],
    ['a row that is too short', 'Host,Tags,Note\na,x\n', /no valid CSV.*line 2/],
    ['a row that is too long', 'Host,Tags,Note\na,x,y,z\n', /no valid CSV.*line 2/],
    ['a column twice', 'Host,Tags,Host\na,x,b\n', /column \\"Host\\" twice/],
    ['a column that reaches into objects', 'Host,Tags,__proto__\na,x,b\n', /column \\"__proto__\\"/],
    ['nothing', '', /is empty/],
    ['a formula for a name', 'Host,Tags,Note\n=1+1,x,y\n', /must be a host name/],
    ['a tag that turns the text', 'Host,Tags,Note\na,prod\u202Etset,y\n', /turns the text/],
    ['a NUL', 'Host,Tags,Note\na,x,"y\0"\n', /NUL/],
  ])('with %s is refused, and nothing is taken', async (_, text, message) => {
    expect(await refused({ text, fileName: 'estate.csv', mapping })).toMatch(message);
  });

  it('with half a million rows and more is refused', () => {
    expect(readCsv(`Host\n${'a\n'.repeat(500_001)}`)).toMatchObject({
      ok: false,
      error: expect.stringContaining('more than 500000 rows'),
    });
  });

  it('keeps a formula that is only a text, as the text that it is', () => {
    const read = fromText('Host;Tags;Note\na;;=cmd|x\n', 'e.csv', {
      format: 'csv',
      mapping: Mapping.parse({ hosts: { name: 'Host', attributes: { note: 'Note' } } }),
      elsewhere: () => false,
    });
    expect(read.records.hosts[0]?.attributes).toEqual({ note: '=cmd|x' });
  });

  it('never makes its reader throw', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...'a,;"\n\r\t\'=\uFEFF') }), text => void readCsv(text)),
      { numRuns: 1_000 },
    );
  });
});

describe('text', () => {
  it.each<[string, Buffer, string | RegExp]>([
    ['UTF-8 with a byte order mark', Buffer.from('\uFEFFä'), 'ä'],
    ['UTF-16, little end first', Buffer.from([0xff, 0xfe, 0xe4, 0x00]), 'ä'],
    ['UTF-16, big end first', Buffer.from([0xfe, 0xff, 0x00, 0xe4]), 'ä'],
    ['UTF-16 without a mark', Buffer.from('a\nb', 'utf16le'), /NUL character in line 1/],
    ['Latin-1', Buffer.from([0xe4, 0x20]), /is not UTF-8/],
  ])('in %s is read or refused with what to do', (_, bytes, expected) => {
    const text = textOf(bytes);
    if (typeof expected === 'string') expect(text).toEqual({ ok: true, value: expected });
    else expect(text).toMatchObject({ ok: false, error: expect.stringMatching(expected) });
  });
});

describe('rows from elsewhere', () => {
  const problem = (value: unknown) =>
    recordsOfRows([{ section: 'hosts', value, origin: 'row 1' }]).problems[0]?.message;
  it.each<[string, unknown, RegExp]>([
    [
      'a prototype',
      JSON.parse('{"name": "a", "attributes": {"x": {"__proto__": {"admin": true}}}}'),
      /holds the key "__proto__"/,
    ],
    [
      'a nest',
      { name: 'a', attributes: { x: JSON.parse(`${'['.repeat(5_000)}${']'.repeat(5_000)}`) } },
      /nests more than 16 levels/,
    ],
    ['no object', 'a', /must be a mapping/],
    ['nothing', null, /must be a mapping/],
    ['a name of another kind', { name: { a: 1 } }, /name must be a string/],
    ['an unknown key', { name: 'a', role: 'x' }, /unknown key "role"/],
    ['an address that is none', { name: 'a', addresses: ['10.0.0.5/24'] }, /must be an IPv4/],
  ])('with %s are refused one by one', (_, value, message) => {
    expect(problem(value)).toMatch(message);
    expect(({} as { admin?: boolean }).admin).toBeUndefined();
  });
});

describe('an inventory of Ansible', () => {
  it('in which groups contain each other comes to an end', () => {
    const list = parseAnsibleList(
      '{"_meta": {"hostvars": {}}, "a": {"hosts": ["h"], "children": ["b"]}, "b": {"children": ["a"]}}',
    );
    if (!list.ok) throw new Error(list.error);
    expect(rowsOfInventory(list.value, 'x', undefined)).toMatchObject([{ value: { name: 'h', tags: ['a', 'b'] } }]);
  });

  it.each([
    ['a range without an end', 'web[1:99999999]\n', /line 1: .* no range that ends within 10000/],
    ['a range backwards', '[a]\nweb[9:1]\n', /line 2/],
    ['a range from a number to a letter', 'web[1:c]\n', /from a number to a letter/],
    ['a heading that is none', '[web\nh1\n', /line 1: .* no heading/],
    ['a variable that is none', 'h1 port 22\n', /line 1: .*NAME=VALUE/],
  ])('with %s is refused with its line', (_, text, message) => {
    expect(parseAnsibleIni(text)).toMatchObject({ ok: false, error: expect.stringMatching(message) });
  });

  it('with a variable that reaches into objects is refused by the host', () => {
    const parsed = parseAnsibleIni('db01 __proto__=x\n');
    if (!parsed.ok) throw new Error(parsed.error);
    const { problems } = recordsOfRows(rowsOfInventory(parsed.value, 'hosts.ini', undefined));
    expect(problems).toMatchObject([
      { message: 'hosts.ini, host db01: it holds the key "__proto__", which no record may have' },
    ]);
  });
});
