import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { parse } from 'yaml';
import { Mapping } from './mapping.ts';
import { readWholeLandscape } from './read.ts';
import { readSource } from './source.ts';

const doc = (name: string) => readFileSync(new URL(`../../docs/${name}`, import.meta.url), 'utf8');
const matches = (text: string, pattern: RegExp) => [...text.matchAll(pattern)].map(([, found]) => found ?? '');
const HOW_TO = doc('how-to/import-landscape.md');

it('the sources of the documents are taken as they stand there', () => {
  const written = [
    ...matches(HOW_TO, /<<'END'\n(apiVersion.*?)^END$/gms),
    ...matches(doc('reference/landscape-sources.md'), /```yaml\n(.*?)```/gms),
  ];
  expect(written).toHaveLength(2);
  for (const text of written) expect(readSource(text, 'source.yaml')).toMatchObject({ ok: true });
});

it('the mapping of the how-to is one', () => {
  const [written = ''] = matches(HOW_TO, /<<'END'\n(mapping:.*?)^END$/gms);
  expect(Mapping.safeParse(parse(written).mapping)).toMatchObject({ success: true });
});

it('what the reference says of a landscape beside its first example is read so', () => {
  const text = `apiVersion: tidemark/v1
kind: Landscape
tiers: [web, db]
hosts: [{name: db01, ids: {netbox: device/17}, addresses: [10.0.0.5, "2001:db8::5"]}]
components:
  - {name: orders-db, host: db01, kind: database, tier: db}
  - {name: orders-web, host: db01, kind: web, uses: [orders-db@db01]}
applications:
  - {name: orders, owner: Ada, serviceLevel: {availability: 99.9, hours: {days: [mon, tue], from: "06:00", to: "22:00", timezone: Europe/Berlin}, penaltyClass: gold}}
contracts: [{kind: maintenance, product: postgres, host: db01, vendor: V, number: "7", ends: 2027-03-31}]
osSupport: [{os: debian, release: "12", ends: 2028-06-30, source: the maker}]
`;
  expect(readWholeLandscape(text, 'landscape.yaml')).toMatchObject({
    ok: true,
    value: {
      dependencies: [{ kind: 'uses' }],
      applications: [{ serviceLevel: { availability: 99.9, hours: { from: '06:00' } } }],
      contracts: [{ ends: '2027-03-31' }],
      osSupport: [{ release: '12' }],
    },
  });
});

it.each([
  [
    'a time zone that is none',
    'applications: [{name: a, serviceLevel: {hours: {days: [mon], from: "06:00", to: "22:00", timezone: Mars}}}]',
    /must be an IANA time zone/,
  ],
  ['a day that is none', 'contracts: [{kind: licence, product: a, ends: 2027-02-30}]', /must be a day/],
  [
    'a contract for nothing',
    'contracts: [{kind: licence, ends: 2027-02-28}]',
    /must be about a product, a host, or both/,
  ],
  [
    'a dependency without a host',
    'components: [{name: a, host: h, kind: x, uses: [b]}]',
    /must be a component and its host/,
  ],
  [
    'a dependency on what is not there',
    'components: [{name: a, host: h, kind: x, uses: [b@h]}]',
    /b@h is not in the landscape/,
  ],
])('%s is refused', (_, line, message) => {
  const read = readWholeLandscape(`apiVersion: tidemark/v1\nkind: Landscape\nhosts: [{name: h}]\n${line}\n`, 'l.yaml');
  expect(JSON.stringify(read)).toMatch(message);
});
