import { expect, it } from 'vitest';
import type { VersionOnHost } from '../api/contract/identification.ts';
import { bundleRollout } from './bundle-rollout.ts';

const NOV = {
  ...{
    name: 'nov',
    digest: `sha256:${'0'.repeat(64)}` as const,
    asked: `sha256:${'0'.repeat(64)}` as const,
    ring: 'test',
    ringSince: 0,
    releases: [],
    advisories: [],
  },
  packages: [{ name: 'openssl', version: '3.0.15', architecture: 'i386', sha256: null }],
  ...{ held: null, withdrawn: null, createdBy: 'olga', createdAt: 0 },
};
const word = { by: 'ada', reason: 'x', at: 0 };
const packages = (manager: string, installed: Record<string, string>) => ({
  ...{ manager, installed: new Map(Object.entries(installed)), architecture: 'x64', truncated: false },
});
const seen = (host: string, state: VersionOnHost['state'], versions: string[], registered: string | null) => ({
  ...{ host, scannedAt: 0, state, versions, registered, tier: 'vendor' as const, sentence: '' },
});

const rollout = bundleRollout({
  bundles: { list: async () => [NOV, { ...NOV, name: 'oct', withdrawn: word }] } as never,
  landscape: { current: async () => ({ clusters: [{ name: 'pair', members: ['files', 'partial'] }] }) } as never,
  registeredAs: async () =>
    new Map([
      ['files', packages('apt', { openssl: '3.0.14' })],
      ['partial', packages('apt', { openssl: '3.0.15' })],
      ['absent', packages('apt', { openssl: '3.0.15' })],
      ['database', packages('apt', { 'openssl:i386': '3.0.15' })],
      ['left', packages('apt', {})],
      ['red', packages('dnf', { openssl: '3.0.15' })],
    ]),
  identification: {
    versions: async product => ({
      ...{ product, known: ['3.0.14', '3.0.15'] },
      hosts: [
        seen('files', 'contradicted', ['3.0.15'], '3.0.14'),
        seen('partial', 'partial', [], '3.0.15'),
        seen('absent', 'absent', [], '3.0.15'),
        seen('left', 'left-behind', ['3.0.15'], null),
        seen('red', 'complete', ['3.0.15'], '3.0.15'),
      ],
    }),
  },
});

it('believes files before the package database, and leaves out servers of another family', async () => {
  const found = await rollout([]);
  if ('unknown' in found) throw new Error(found.unknown);
  expect(found.bundles.map(({ name }) => name)).toEqual(['nov']);
  expect(found.cells.map(({ host, cluster, state, lacks, byFiles }) => [host, cluster, state, lacks, byFiles])).toEqual(
    [
      ['absent', null, 'missing', ['openssl in an unknown version, not 3.0.15'], false],
      ['database', null, 'deployed', [], false],
      ['files', 'pair', 'deployed', [], true],
      ['partial', 'pair', 'missing', ['openssl 3.0.15 in part, not 3.0.15'], true],
    ],
  );
});

it('shows those that were withdrawn where they are named, and says which name no bundle has', async () => {
  expect(await rollout(['oct'])).toMatchObject({ bundles: [{ name: 'oct' }] });
  expect(await rollout(['nov', 'dec'])).toEqual({ unknown: 'dec' });
});
