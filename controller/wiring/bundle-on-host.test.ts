import { expect, it } from 'vitest';
import { bundleOnHost } from './bundle-on-host.ts';

const exact = (name: string) => ({ name, version: '2', architecture: null, sha256: null });
const NOV = {
  name: 'nov',
  releases: [{ product: 'shop', version: '2', artifact: `sha256:${'0'.repeat(64)}`, bytes: 1 }],
  packages: ['whole', 'partial', 'absent', 'older', 'unknown', 'left-out', 'elsewhere'].map(exact),
};
const found = (product: string, state: string, versions: string[], registered: string | null) => ({
  ...{
    product,
    state,
    registered,
    architecture: 'amd64',
    versions: versions.map(version => ({ version, tier: 'vendor' })),
  },
});
const IDENTIFIED = {
  host: 'db01',
  products: [{ product: 'shop', complete: true, versions: ['2'] }],
  packages: [
    found('whole', 'complete', ['2'], '2'),
    found('partial', 'partial', [], '2'),
    found('absent', 'absent', [], '2'),
    found('older', 'complete', ['1'], '1'),
    found('left-out', 'complete', ['1'], '1'),
  ],
  unknown: [{ name: 'unknown', version: '2' }],
};
const HEADER = { bundle: { name: 'nov', leftOut: ['left-out 2'] } };

const asked = (state: string, manager = 'apt') =>
  bundleOnHost({
    bundles: { bundle: async () => NOV },
    orchestrator: { view: async () => ({ plan: 'sha256:1', hosts: [{ host: 'db01', state }] }) },
    planner: { bundleOf: async () => HEADER.bundle },
    identify: async () => ({ ok: true, value: IDENTIFIED }),
    registered: async () => ({ manager }),
  } as never).lacks({ run: 'r1', host: 'db01' });

it('holds a host that a run has patched against all of the bundle that concerns it, by its files', async () => {
  expect(await asked('succeeded')).toEqual({
    bundle: 'nov',
    lacks: ['partial 2 in part, not 2', 'absent in an unknown version, not 2', 'older 1, not 2'],
  });
});

it('asks nothing of a host that the run did not patch', async () => {
  expect(await asked('undone')).toBeNull();
});

it('asks nothing of packages for servers of another family', async () => {
  expect(await asked('succeeded', 'dnf')).toEqual({ bundle: 'nov', lacks: [] });
});
