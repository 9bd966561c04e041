import { describe, expect, it } from 'vitest';
import { type ProductOnHost, passedOver, rolloutOf } from './rollout.ts';

const exact = (name: string, version: string) => ({ name, version, architecture: null, sha256: null });
const release = { product: 'shop', version: '1.10.0', artifact: `sha256:${'0'.repeat(64)}` as const, bytes: 1 };
const BUNDLE = { name: 'nov', releases: [release], packages: [exact('openssl', '3.0.15-1'), exact('bash', '5.2-2')] };
const on = (host: string, change: Partial<ProductOnHost> = {}): ProductOnHost => ({
  ...{ host, complete: true, versions: [], registered: null },
  ...change,
});
const rollout = (seen: Record<string, ProductOnHost[]>) =>
  rolloutOf(BUNDLE, ({ product }) => seen[product] ?? []).map(({ host, state, there, of, lacks }) => ({
    ...{ host, state, share: `${there}/${of}`, lacks },
  }));

describe('where a bundle is', () => {
  it.each([
    ['as it brings it', { versions: ['1.10.0'] }, 'deployed', []],
    ['one of two that look alike', { versions: ['1.10.0', '1.10.1'] }, 'deployed', []],
    ['older', { versions: ['1.9.0'] }, 'missing', ['shop 1.9.0, not 1.10.0']],
    ['newer', { versions: ['1.11.0'] }, 'overtaken', []],
    ['in part', { versions: ['1.10.0'], complete: false }, 'missing', ['shop 1.10.0 in part, not 1.10.0']],
    ['newer in part', { versions: ['1.11.0'], complete: false }, 'missing', ['shop 1.11.0 in part, not 1.10.0']],
    ['of no known version', { complete: false }, 'missing', ['shop in an unknown version, not 1.10.0']],
    ['as the package database says, of which no file is known', { registered: '1.10.0' }, 'deployed', []],
    [
      'other than the package database says',
      { versions: ['1.9.0'], registered: '1.10.0' },
      'missing',
      ['shop 1.9.0, not 1.10.0'],
    ],
  ] as const)('%s', (_, found, state, lacks) => {
    expect(rollout({ shop: [on('web01', found)] })).toEqual([
      { host: 'web01', state, share: state === 'deployed' ? '1/1' : '0/1', lacks },
    ]);
  });

  it('names what is not answered there, where a package says what it answers', () => {
    const [openssl, bash] = BUNDLE.packages.map((each, at) => ({ ...each, advisories: [`DSA-${2 - at}`, 'DSA-3'] }));
    const bundle = { ...BUNDLE, packages: [openssl, bash].flatMap(each => each ?? []) };
    const have = (versions: Record<string, string>) =>
      rolloutOf(bundle, ({ product }) => (versions[product] ? [on('db01', { registered: versions[product] })] : []));
    expect(have({ openssl: '3.0.14-1', bash: '5.2-1' })).toMatchObject([
      {
        lacks: ['openssl 3.0.14-1, not 3.0.15-1 (DSA-2, DSA-3)', 'bash 5.2-1, not 5.2-2 (DSA-1, DSA-3)'],
        unanswered: ['DSA-1', 'DSA-2', 'DSA-3'],
      },
    ]);
    expect(have({ openssl: '3.0.15-1', bash: '5.2-1' })).toMatchObject([{ unanswered: ['DSA-1', 'DSA-3'] }]);
    expect(have({ openssl: '3.0.15-1', bash: '5.2-2' })).toMatchObject([{ unanswered: [] }]);
  });

  it('counts what concerns a server, by the order of its family', () => {
    expect(
      rollout({
        openssl: [on('db01', { versions: ['3.0.15-1'] }), on('db02', { versions: ['3.0.9-1'] })],
        bash: [
          on('db01', { versions: ['5.2-1'] }),
          on('db02', { versions: ['5.2-2'] }),
          on('db03', { versions: ['5.10-1'] }),
        ],
      }),
    ).toEqual([
      { host: 'db01', state: 'partly', share: '1/2', lacks: ['bash 5.2-1, not 5.2-2'] },
      { host: 'db02', state: 'partly', share: '1/2', lacks: ['openssl 3.0.9-1, not 3.0.15-1'] },
      { host: 'db03', state: 'overtaken', share: '0/1', lacks: [] },
    ]);
  });

  it('names servers that were passed over', () => {
    const oct = { ...BUNDLE, name: 'oct', releases: [], packages: [exact('bash', '5.2-2')] };
    const nov = { ...BUNDLE, releases: [], packages: [exact('openssl', '3.0.15-1')] };
    const seen = ({ product }: { product: string }) =>
      product === 'bash'
        ? [on('db01', { versions: ['5.2-1'] }), on('db02', { versions: ['5.2-2'] })]
        : ['db01', 'db02'].map(host => on(host, { versions: ['3.0.15-1'] }));
    const cells = [...rolloutOf(oct, seen), ...rolloutOf(nov, seen)];
    expect(
      passedOver(cells, [
        { name: 'oct', createdAt: 1 },
        { name: 'nov', createdAt: 2 },
      ]),
    ).toEqual([{ host: 'db01', bundle: 'oct', newer: 'nov', lacks: ['bash 5.2-1, not 5.2-2'] }]);
  });
});
