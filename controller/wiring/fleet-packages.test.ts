import { packagesSection } from '@tidemark/shared/testing/packages.ts';
import { expect, it } from 'vitest';
import { installedInFleet } from './fleet-packages.ts';

const host = (manager: string, versions: Record<string, string>, architecture = 'amd64') => ({
  observedAt: 0,
  facts: { packages: packagesSection(manager, versions, { architecture }) },
});

it('puts together what servers of a family have, by version and architecture', () => {
  const fleet = installedInFleet(
    [
      host('apt', { bash: '5.2-1', 'libc6:i386': '2.36', 'tzdata:all': '2026a' }),
      host('apt', { bash: '5.2-2' }, 'arm64'),
      host('dnf', { bash: '5.1' }),
      { observedAt: 0, facts: { packages: 'nothing that is known' } },
      { observedAt: 0, facts: {} },
    ],
    'dpkg',
  );
  expect(fleet.architectures).toEqual(['amd64', 'arm64', 'i386']);
  expect(fleet.versions).toEqual(
    new Map([
      ['bash', new Set(['5.2-1 amd64', '5.2-2 arm64'])],
      ['libc6', new Set(['2.36 i386'])],
      ['tzdata', new Set(['2026a all'])],
    ]),
  );
  expect(installedInFleet([host('zypper', { bash: '5.1-1' }, 'aarch64')], 'rpm')).toEqual({
    architectures: ['aarch64'],
    versions: new Map([['bash', new Set(['5.1-1 aarch64'])]]),
  });
});
