import { describe, expect, it } from 'vitest';
import { BatchReader } from './batch.ts';
import { standingsOf } from './cve.ts';
import { cvss3Score } from './cvss.ts';
import { ecosystemNamed, ecosystemOfCpe, ecosystemOfOs } from './ecosystems.ts';
import type { Fleet } from './ports.ts';
import { contradiction, fixFor, isAffected } from './ranges.ts';
import { exploitationFactor, exposureFactor, hostScore, importanceFactor } from './score.ts';

const osv = (change: object = {}) => ({
  id: 'DSA-5678-1',
  modified: '2026-11-01T00:00:00Z',
  aliases: ['CVE-2026-1111'],
  severity: [{ type: 'CVSS_V3', score: 'CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H' }],
  affected: [
    {
      package: { ecosystem: 'Debian:12', name: 'openssl' },
      ranges: [{ type: 'ECOSYSTEM', events: [{ introduced: '0' }, { fixed: '3.0.15-1' }] }],
    },
  ],
  ...change,
});
const range = (...events: object[]) => ({
  affected: [{ package: { ecosystem: 'Debian:12', name: 'openssl' }, ranges: [{ type: 'ECOSYSTEM', events }] }],
});

function read(...files: unknown[]) {
  const reader = new BatchReader();
  for (const [index, file] of files.entries())
    reader.take(`${index}.json`, typeof file === 'string' ? file : JSON.stringify(file));
  return reader.end();
}

describe('advisory files', () => {
  it('of OSV are taken with their ranges, names and severity', () => {
    const batch = read(osv());
    expect(batch.ok && [...batch.value.advisories.values()]).toEqual([
      {
        id: 'DSA-5678-1',
        format: 'osv',
        aliases: ['CVE-2026-1111'],
        summary: '',
        severity: { score: 9.8, from: 'CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H' },
        modified: Date.parse('2026-11-01'),
        withdrawn: null,
        affected: [
          {
            ecosystem: 'debian:12',
            order: 'deb',
            name: 'openssl',
            ranges: [{ introduced: null, fixed: '3.0.15-1', lastAffected: null }],
            versions: [],
          },
        ],
      },
    ]);
  });

  it.each([
    ['no JSON', '{"id": ', /0\.json: is no JSON/],
    ['something else', { a: 1 }, /is neither OSV nor CSAF nor the list/],
    ['a time that is none', osv({ modified: 'yesterday' }), /modified: must be a time/],
    ['a wrong shape', osv({ affected: 'all' }), /affected: .*expected array/],
    [
      'a range that ends before it begins',
      osv(range({ introduced: '2.0-1' }, { fixed: '1.0-1' })),
      /begins in 2\.0-1 and is fixed before, in 1\.0-1/,
    ],
    [
      'a range with two ends',
      osv(range({ introduced: '0' }, { last_affected: '1.0-1' }, { fixed: '2.0-1' })),
      /fixed in 2\.0-1 and affected up to 1\.0-1/,
    ],
    [
      'a list of uses with a number that is none',
      { catalogVersion: '1', vulnerabilities: [{ cveID: 'X', dateAdded: '2026-01-01' }] },
      /must be a CVE number/,
    ],
    [
      'probabilities beyond 1',
      'cve,epss,percentile\nCVE-2026-1,1.5,0.9\n',
      /line 2: must be a CVE number and a probability/,
    ],
    [
      'a version of CSAF that is not known',
      { document: { category: 'csaf_base', csaf_version: '1.2', title: '', tracking: {} } },
      /csaf_version: must be 2\.0/,
    ],
    [
      'an empty list of versions',
      osv({ affected: [{ package: { ecosystem: 'npm', name: 'a' }, versions: [''] }] }),
      /versions/,
    ],
  ])('with %s are refused, and all the others with them', (_, file, message) => {
    expect(read(file, osv())).toMatchObject({ ok: false, error: [expect.stringMatching(message)] });
  });

  it('of ecosystems that are not known are told and left out', () => {
    const batch = read(osv({ affected: [{ package: { ecosystem: 'Zephyr:1', name: 'a' }, versions: ['1'] }] }));
    expect(batch.ok && [batch.value.advisories.get('DSA-5678-1')?.affected, [...batch.value.leftOut]]).toEqual([
      [],
      [['Zephyr:1', 1]],
    ]);
  });

  it('say the newer of two, whichever comes first', () => {
    const [old, fresh] = [osv(), osv({ modified: '2026-12-01T00:00:00Z', withdrawn: '2026-12-01T00:00:00Z' })];
    for (const files of [
      [old, fresh],
      [fresh, old],
    ]) {
      const batch = read(...files);
      expect(batch.ok && batch.value.advisories.get('DSA-5678-1')?.withdrawn).toBe(Date.parse('2026-12-01'));
    }
  });

  it('of CSAF say by fixed products which versions are affected', () => {
    const batch = read({
      document: {
        category: 'csaf_security_advisory',
        csaf_version: '2.0',
        title: 'Security update for openssl',
        tracking: { id: 'SUSE-SU-2026:0001-1', current_release_date: '2026-11-02T00:00:00Z', status: 'final' },
      },
      product_tree: {
        branches: [
          {
            branches: [
              {
                product: {
                  product_id: 'SLES',
                  name: 'SLES 15 SP5',
                  product_identification_helper: { cpe: 'cpe:/o:suse:sles:15:sp5' },
                },
              },
              {
                product: {
                  product_id: 'openssl',
                  name: 'openssl',
                  product_identification_helper: {
                    purl: 'pkg:rpm/suse/openssl-3@3.0.8-150500.5.1?arch=x86_64&epoch=1',
                  },
                },
              },
            ],
          },
        ],
        relationships: [
          {
            product_reference: 'openssl',
            relates_to_product_reference: 'SLES',
            full_product_name: { product_id: 'SLES:openssl', name: 'openssl on SLES' },
          },
        ],
      },
      vulnerabilities: [
        {
          cve: 'CVE-2026-2222',
          product_status: { fixed: ['SLES:openssl'] },
          scores: [{ cvss_v3: { baseScore: 7.5 } }],
        },
      ],
    });
    expect(batch.ok && batch.value.advisories.get('SUSE-SU-2026:0001-1')).toMatchObject({
      aliases: ['CVE-2026-2222'],
      severity: { score: 7.5 },
      affected: [
        { ecosystem: 'sles:15.5', order: 'rpm', name: 'openssl-3', ranges: [{ fixed: '1:3.0.8-150500.5.1' }] },
      ],
    });
  });
});

describe('ecosystems', () => {
  it.each([
    ['Debian:12', 'debian:12'],
    ['Ubuntu:22.04:LTS', 'ubuntu:22.04'],
    ['Ubuntu:Pro:22.04:LTS', undefined],
    ['Alpine:v3.19', 'alpine:3.19'],
    ['Rocky Linux:9', 'rocky:9'],
    ['AlmaLinux:8', 'almalinux:8'],
    ['SUSE:Linux Enterprise Server 15 SP5', 'sles:15.5'],
    ['SUSE:Linux Enterprise Module for Basesystem 15 SP5', 'sles:15.5'],
    ['openSUSE:Leap 15.5', 'opensuse-leap:15.5'],
    ['npm', 'npm'],
    ['Debian', undefined],
    ['Zephyr', undefined],
  ])('%s is %s', (name, key) => {
    expect(ecosystemNamed(name)?.key).toBe(key);
  });

  it.each([
    [{ id: 'debian', version: '12.9' }, 'debian:12'],
    [{ id: 'ubuntu', version: '22.04.3' }, 'ubuntu:22.04'],
    [{ id: 'alpine', version: '3.19.1' }, 'alpine:3.19'],
    [{ id: 'rocky', version: '9.4' }, 'rocky:9'],
    [{ id: 'sles', version: '15.5' }, 'sles:15.5'],
    [{ id: 'arch', version: '' }, undefined],
  ])('of %j is %s', (os, key) => {
    expect(ecosystemOfOs(os)?.key).toBe(key);
  });

  it.each([
    ['cpe:/o:redhat:enterprise_linux:9::baseos', 'rhel:9'],
    ['cpe:2.3:o:suse:sles:15:sp4:*', 'sles:15.4'],
    ['cpe:/o:suse:sles:15:sp4', 'sles:15.4'],
    ['cpe:/a:apache:http_server:2.4', undefined],
  ])('of %s is %s', (cpe, key) => {
    expect(ecosystemOfCpe(cpe)?.key).toBe(key);
  });
});

describe('ranges', () => {
  const affected = (ranges: [string | null, string | null, string | null][], versions: string[] = []) => ({
    ...{ ecosystem: 'debian:12', order: 'deb' as const, name: 'a', versions },
    ranges: ranges.map(([introduced, fixed, lastAffected]) => ({ introduced, fixed, lastAffected })),
  });
  it.each<[string, [string | null, string | null, string | null][], boolean]>([
    ['1.0-1', [[null, '1.0-2', null]], true],
    ['1.0-2', [[null, '1.0-2', null]], false],
    ['1.0-2~deb12u1', [[null, '1.0-2', null]], true],
    ['1:0.1', [[null, '2.0', null]], false],
    ['1.5', [['1.0', '2.0', null]], true],
    ['0.9', [['1.0', '2.0', null]], false],
    ['1.5', [[null, null, '1.5']], true],
    ['1.6', [[null, null, '1.5']], false],
    ['9', [[null, null, null]], true],
    [
      '3.5',
      [
        ['1.0', '2.0', null],
        ['3.0', '4.0', null],
      ],
      true,
    ],
    [
      '2.5',
      [
        ['1.0', '2.0', null],
        ['3.0', '4.0', null],
      ],
      false,
    ],
  ])('%s within %j: %s', (version, ranges, answer) => {
    expect(isAffected(version, affected(ranges))).toBe(answer);
  });

  it('say which version is the next that is not affected', () => {
    expect(
      fixFor(
        '3.5',
        affected([
          ['1.0', '2.0', null],
          ['3.0', '4.0', null],
        ]),
      ),
    ).toBe('4.0');
    expect(fixFor('3.5', affected([['3.0', null, null]]))).toBeNull();
  });

  it('take versions that stand in a list, and are not sure of what they cannot compare', () => {
    expect(isAffected('7', affected([], ['7']))).toBe(true);
    expect(isAffected('latest', { ...affected([['1.0.0', '2.0.0', null]]), order: 'semver' })).toBeNull();
    expect(contradiction({ introduced: 'x', fixed: 'y', lastAffected: null }, 'semver')).toContain('cannot compare');
  });
});

describe('the arithmetic of risk', () => {
  it.each([
    ['CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H', 9.8],
    ['CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H', 10],
    ['CVSS:3.0/AV:L/AC:H/PR:L/UI:N/S:U/C:H/I:N/A:N', 4.7],
    ['CVSS:3.1/AV:N/AC:L/PR:L/UI:R/S:C/C:L/I:L/A:N', 5.4],
    ['CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:N', 0],
    ['CVSS:4.0/AV:N/AC:L', null],
    ['CVSS:3.1/AV:N', null],
  ])('%s is %s', (vector, score) => {
    expect(cvss3Score(vector)).toBe(score);
  });

  it('says what each factor comes from', () => {
    const kev = { cve: 'CVE-2026-1', known: { since: '2026-03-01', ransomware: true }, probability: 0.5 };
    expect(exploitationFactor([kev])).toEqual({
      value: 1,
      because: 'CVE-2026-1 is known to be used since 2026-03-01, by ransomware too',
    });
    expect(exploitationFactor([{ ...kev, known: null }]).value).toBe(0.6);
    expect(exploitationFactor([]).value).toBe(0.2);
    expect(
      importanceFactor([
        { name: 'gold', importance: 90 },
        { name: 'all', importance: 10 },
      ]),
    ).toEqual({
      value: 1.4,
      because: 'group gold has importance 90: 0.5 + 90/100',
    });
    const socket = { address: '0.0.0.0', port: 443, process: 'nginx', program: '/usr/sbin/nginx' };
    expect(exposureFactor([socket], ['nginx-core']).value).toBe(1);
    expect(exposureFactor([socket], ['openssl']).value).toBe(0.7);
    expect(exposureFactor([{ ...socket, address: '127.0.0.1' }], ['nginx']).value).toBe(0.4);
    expect(exposureFactor(null, ['nginx']).value).toBe(0.8);
    expect(hostScore([4, 8, 2])).toBe(10.5);
  });
});

describe('where hosts stand with a weakness', () => {
  const batch = read(osv());
  const advisories = batch.ok ? [...batch.value.advisories.values()] : [];
  const pkg = (version: string) => ({ name: 'libssl3', version, source: 'openssl', sourceVersion: version });
  const fleet: Fleet = {
    packages: [pkg('3.0.14-1'), pkg('3.0.15-1'), { ...pkg('1'), name: 'zsh', source: 'zsh' }],
    libraries: [],
    hosts: [
      ['old', [0]],
      ['new', [1]],
      ['none', [2]],
      ['planned', [0]],
    ].map(([name, numbers]) => ({
      name: String(name),
      os: { id: 'debian', version: '12.8' },
      packages: Uint32Array.from(numbers as number[]),
      libraries: null,
      sockets: null,
      unknown: null,
      observedAt: 0,
    })),
  };
  const planned = [{ plan: 'sha256:p', run: null, host: 'planned', package: 'libssl3', to: '3.0.15-1' }];

  it('is said with the evidence', () => {
    expect(standingsOf(advisories, fleet, planned)).toEqual([
      {
        host: 'old',
        state: 'affected',
        evidence: ['openssl 3.0.14-1 (libssl3): DSA-5678-1, fixed in 3.0.15-1'],
        plan: null,
      },
      {
        host: 'new',
        state: 'patched',
        evidence: [
          'openssl 3.0.15-1 (libssl3): not affected by DSA-5678-1, which is fixed in 3.0.15-1 (seen 1970-01-01T00:00:00.000Z)',
        ],
        plan: null,
      },
      expect.objectContaining({ host: 'planned', state: 'planned', plan: { digest: 'sha256:p', run: null } }),
    ]);
  });

  it('is nothing where the advisory was withdrawn, and not known where nothing was told', () => {
    expect(
      standingsOf(
        advisories.map(each => ({ ...each, withdrawn: 1 })),
        fleet,
        [],
      ),
    ).toEqual([]);
    const silent = { ...fleet, hosts: fleet.hosts.slice(0, 1).map(host => ({ ...host, unknown: 'silent' })) };
    expect(standingsOf(advisories, silent, [])).toEqual([
      { host: 'old', state: 'unknown', evidence: ['silent'], plan: null },
    ]);
  });
});
