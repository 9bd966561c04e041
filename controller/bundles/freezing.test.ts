import { describe, expect, it } from 'vitest';
import { frozen, type KnownPackage } from './freezing.ts';

const [ONE, TWO] = [`sha256:${'1'.repeat(64)}`, `sha256:${'2'.repeat(64)}`] as const;
const asked = (change: object = {}) => ({
  ...{ name: 'openssl', version: '3.0.15', architecture: null, sha256: null },
  ...change,
});
const known = (change: Partial<KnownPackage> = {}): KnownPackage => ({
  ...{
    family: 'dpkg',
    name: 'openssl',
    version: '3.0.15',
    architecture: 'amd64',
    sha256: ONE,
    source: 'http://a stable',
  },
  ...change,
});

describe('what files say is frozen with a package', () => {
  it.each([
    [
      'digest and source, of the architecture that was said',
      { architecture: 'amd64' },
      [known()],
      ONE,
      'http://a stable',
    ],
    ['both of one for every architecture', {}, [known({ architecture: null })], ONE, 'http://a stable'],
    ['no digest of one architecture where all are meant', {}, [known()], null, 'http://a stable'],
    [
      'no digest where two files call themselves so',
      { architecture: 'amd64' },
      [known(), known({ sha256: TWO })],
      null,
      'http://a stable',
    ],
    [
      'no source where there are two',
      { architecture: 'amd64' },
      [known(), known({ source: 'http://b stable' })],
      ONE,
      undefined,
    ],
    ['the digest that was said, whatever is known', { sha256: TWO }, [known()], TWO, undefined],
    [
      'the source of the digest that was said',
      { sha256: TWO },
      [known(), known({ sha256: TWO, source: 'ours' })],
      TWO,
      'ours',
    ],
    ['the source that was said', { architecture: 'amd64', source: 'ours' }, [known()], ONE, 'ours'],
    ['nothing of another family', { architecture: 'amd64', family: 'rpm' }, [known()], null, undefined],
    ['nothing of another version', { architecture: 'amd64', version: '3.0.16' }, [known()], null, undefined],
    [
      'a version with an epoch of zero',
      { family: 'rpm', architecture: 'x86_64' },
      [known({ family: 'rpm', architecture: 'x86_64', version: '0:3.0.15' })],
      ONE,
      'http://a stable',
    ],
  ] as const)('%s', (_, change, all, sha256, source) => {
    const made = frozen(asked(change), all);
    expect([made.sha256, made.source]).toEqual([sha256, source]);
  });

  it('says each advisory once, in order', () => {
    expect(frozen(asked({ advisories: ['DSA-2', 'DSA-1', 'DSA-2'] }), []).advisories).toEqual(['DSA-1', 'DSA-2']);
  });
});
