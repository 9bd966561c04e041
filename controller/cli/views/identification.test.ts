import { expect, it } from 'vitest';
import type { Identification } from '../../api/contract/identification.ts';
import { table } from '../output/table.ts';
import { identificationLines, versionsListing } from './identification.ts';

const NOTHING: Identification = {
  host: 'db02',
  fingerprint: 'f',
  scannedAt: '2026-03-21T21:00:00.000Z',
  products: [],
  libraryVersions: 0,
  programs: { files: 0, bytes: 0, explainedBytes: 0, byTier: {}, configurationBytes: 0 } as never,
  packages: [],
  packagesScannedAt: '2026-03-21T21:00:00.000Z',
  unknown: [],
  strays: [],
  edited: [],
  permissions: [],
  truncated: false,
  loaded: null,
};

it('says of each product which version is there, and what says otherwise', () => {
  const lines = identificationLines({
    ...NOTHING,
    products: [
      {
        ...{ product: 'orders-app', home: '/opt/orders-app', versions: ['1.4.1'], complete: true },
        ...{ sentence: 'orders-app: 1.4.1, complete (5 files)', exceptions: [], retained: [] },
      },
      {
        product: 'orders-db',
        home: '/opt/orders-db',
        versions: [],
        complete: false,
        sentence: 'orders-db: 31 of 37 files of 1.4.1, 6 still 1.4.0',
        exceptions: ['bin/serve is of 1.4.0'],
        retained: [{ directory: '1.4.0', versions: ['1.4.0'], complete: true, sentence: '1.4.0, complete' }],
      },
    ],
  });
  expect(lines).toEqual([
    'db02 (scanned 2026-03-21 21:00:00Z)',
    '  orders-app 1.4.1, complete (5 files)  /opt/orders-app',
    '  orders-db: 31 of 37 files of 1.4.1, 6 still 1.4.0  /opt/orders-db',
    '    bin/serve is of 1.4.0',
    '    beside it 1.4.0: 1.4.0, complete',
  ]);
});

const openssl: Identification['packages'][number] = {
  product: 'openssl',
  architecture: 'amd64',
  source: 'deb',
  state: 'partial',
  versions: [],
  reference: '3.0.14-1',
  registered: '3.0.14-1',
  unregistered: false,
  tier: 'repository',
  matched: 5,
  total: 6,
  exceptions: [{ path: '/usr/bin/openssl', fate: 'as-in', versions: ['3.0.11-1'] }],
  diverted: [],
  sentence: '5 of 6 files of 3.0.14-1; 1 still 3.0.11-1: /usr/bin/openssl',
};

it('says how much is explained, what is not, and what must be restarted', () => {
  const lines = identificationLines({
    ...NOTHING,
    libraryVersions: 900,
    programs: {
      files: 3,
      bytes: 1_000_000,
      explainedBytes: 998_900,
      byTier: { vendor: 0, repository: 900_000, operator: 98_900, peers: 0, host: 0 },
      configurationBytes: 12,
    },
    packages: [
      openssl,
      { ...openssl, product: 'zlib1g', state: 'complete', exceptions: [], sentence: '1.2, complete (3 files)' },
    ],
    unknown: [{ name: 'htop', version: '3.2' }],
    strays: [{ path: '/usr/local/bin/x', sha256: 'ab', bytes: 7, peers: 0 }],
    edited: ['/etc/ssl/openssl.cnf'],
    loaded: {
      complete: false,
      kernel: { running: '6.1.0-1', newest: '6.1.0-2' },
      reboot: ['kernel 6.1.0-1 runs, and 6.1.0-2 is installed'],
      restart: [
        { unit: 'nginx.service', processes: ['nginx 812'], files: ['/usr/lib/libssl.so.3'], products: ['libssl3'] },
      ],
    },
  });
  expect(lines).toEqual([
    'db02 (scanned 2026-03-21 21:00:00Z)',
    '  99.8 % of 976.6 KiB that can run is explained: 90.0 % repository, 9.8 % operator (900 known versions)',
    '  1 product is complete',
    '  openssl: 5 of 6 files of 3.0.14-1; 1 still 3.0.11-1: /usr/bin/openssl  (repository)',
    '    as-in 3.0.11-1: /usr/bin/openssl',
    '  1 registered package of which nothing is known:',
    '    htop 3.2',
    '  1 program of no known content:',
    '    /usr/local/bin/x  sha256:ab',
    '  1 configuration file that was edited, which is no finding:',
    '    /etc/ssl/openssl.cnf',
    '  must be booted: kernel 6.1.0-1 runs, and 6.1.0-2 is installed',
    '  restart nginx.service (nginx 812): it runs what was replaced of libssl3: /usr/lib/libssl.so.3',
  ]);
});

it('shows versions and hosts as a matrix, the newest version first', () => {
  const host = { scannedAt: '2026-03-21T21:00:00.000Z', tier: 'repository' as const, sentence: '' };
  const { rows, columns } = versionsListing('openssl', [
    { ...host, host: 'db01', state: 'complete', versions: ['3.0.14-1'], registered: '3.0.14-1' },
    { ...host, host: 'db02', state: 'partial', versions: [], registered: '3.0.14-1' },
    { ...host, host: 'db03', state: 'complete', versions: ['3.0.9-1'], registered: '3.0.9-1' },
  ]);
  const narrow = columns.filter(({ wide }) => !wide);
  expect(table(narrow, rows)).toEqual([
    'HOST  3.0.14-1  3.0.9-1   REGISTERED  TIER',
    'db01  complete  -         3.0.14-1    repository',
    'db02  partial   -         3.0.14-1    repository',
    'db03  -         complete  3.0.9-1     repository',
  ]);
});
