import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readLandscape, readWholeLandscape } from './read.ts';

const file = (...lines: string[]) => ['apiVersion: tidemark/v1', 'kind: Landscape', ...lines].join('\n');
const HOSTS = 'hosts: [{name: db01, application: orders}, {name: db02, application: orders}]';

function errorsOf(text: string): string[] {
  const read = readLandscape(text, 'landscape.yaml');
  return read.ok ? [] : read.error.map(({ line, column, message }) => `${line}:${column} ${message}`);
}

function contentOf(text: string) {
  const read = readWholeLandscape(text, 'landscape.yaml');
  if (!read.ok) throw new Error(JSON.stringify(read.error));
  return read.value;
}

describe('a landscape file', () => {
  it('fills in what follows from what it says', () => {
    const content = contentOf(
      file(HOSTS, 'components: [{name: orders-db, host: db01, kind: database, product: orders-db}]'),
    );
    expect(content.components).toEqual([
      {
        name: 'orders-db',
        host: 'db01',
        application: 'orders',
        tier: null,
        kind: 'database',
        product: 'orders-db',
        home: '/opt/orders-db',
        service: null,
        health: null,
        perHostConfig: [],
      },
    ]);
  });

  it.each([
    [
      'a component on a host that is not there',
      ['components: [{name: a, host: db03, kind: database}]'],
      ['4:30 component a: host db03 is not in the landscape (did you mean "db01"?)'],
    ],
    [
      'a cluster with a member that is not there',
      ['clusters: [{name: c, members: [db01, dbo2]}]'],
      ['4:38 cluster c: host dbo2 is not in the landscape (did you mean "db02"?)'],
    ],
    [
      'a host in two clusters',
      ['clusters:', '  - {name: a, members: [db01, db02]}', '  - {name: b, members: [db02]}'],
      ['6:25 host db02 is in two clusters, a and b'],
    ],
    [
      'a host twice in one cluster',
      ['clusters: [{name: a, members: [db01, db01]}]'],
      ['4:38 host db01 is in cluster a twice'],
    ],
    [
      'a component twice on one host',
      [
        'components:',
        '  - {name: a, host: db01, kind: x}',
        '  - {name: a, host: db02, kind: x}',
        '  - {name: a, host: db01, kind: x}',
      ],
      ['7:12 component a on db01 is there twice, first in line 5'],
    ],
    [
      'a cluster twice',
      ['clusters:', '  - {name: a, members: [db01]}', '  - {name: a, members: [db02]}'],
      ['6:12 cluster a is there twice, first in line 5'],
    ],
    [
      'a tier that is none',
      ['tiers: [web, db]', 'components: [{name: a, host: db01, kind: x, tier: dbs}]'],
      ['5:51 component a: tier dbs is not one of web, db (did you mean "db"?)'],
    ],
    ['a tier twice', ['tiers: [web, web]'], ['4:14 tier web is there twice']],
    [
      'a home without a product',
      ['components: [{name: a, host: db01, kind: x, home: /opt/a}]'],
      ['4:51 component a has a home but no product'],
    ],
    [
      'a home that climbs',
      ['components: [{name: a, host: db01, kind: x, product: a, home: /opt/../etc}]'],
      ['4:63 components[0].home: must be an absolute path without ".."'],
    ],
    [
      'a service that starts with a shell text',
      [
        'components: [{name: a, host: db01, kind: x, service: {provider: script, start: run it, stop: [/b], status: [/b]}}]',
      ],
      ['4:80 components[0].service.start must be a list'],
    ],
    [
      'an address that is no web address',
      ['components: [{name: a, host: db01, kind: x, health: {url: "ftp://x"}}]'],
      ['4:59 components[0].health.url: must be an http or https address'],
    ],
  ])('is refused with %s', (_, lines, expected) => {
    expect(errorsOf(file(HOSTS, ...lines))).toEqual(expected);
  });

  it('may say the package that a component runs from', () => {
    const of = (name: string) => file(HOSTS, `components: [{name: web, host: db01, kind: service, package: ${name}}]`);
    expect(contentOf(of('nginx-light')).components[0]).toMatchObject({ package: 'nginx-light', product: null });
    expect(errorsOf(of('"nginx; reboot"'))).toEqual([expect.stringContaining('must be the name of a package')]);
  });

  it('is refused with a host twice, also where only capitals tell them apart', () => {
    expect(errorsOf(file('hosts: [{name: db01}, {name: DB01}]'))).toEqual([
      '3:30 host DB01 is there twice, first in line 3',
    ]);
  });

  it('tells all contradictions at once, from top to bottom', () => {
    const text = file(
      HOSTS,
      'components: [{name: a, host: x1, kind: x}, {name: b, host: x2, kind: x}]',
      'clusters: [{name: c, members: [x3]}]',
    );
    expect(errorsOf(text).map(error => error.split(' ')[0])).toEqual(['4:30', '4:60', '5:32']);
  });

  it('says the same in whatever order its rows come', () => {
    const rows = ['{name: a, tags: [x, y]}', '{name: b}', '{name: c, attributes: {k: 1}}'];
    const expected = contentOf(file(`hosts: [${rows.join(', ')}]`));
    fc.assert(
      fc.property(fc.shuffledSubarray(rows, { minLength: rows.length }), shuffled => {
        expect(contentOf(file(`hosts: [${shuffled.join(', ')}]`))).toEqual(expected);
      }),
    );
  });
});
