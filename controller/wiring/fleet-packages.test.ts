import { expect, it } from 'vitest';
import { installedInFleet } from './fleet-packages.ts';

const host = (manager: string, installed: unknown, arch = 'x64') => ({
  observedAt: 0,
  facts: { os: { arch }, packages: { manager, installed } },
});

it('puts together what servers of a family have, by version and architecture', () => {
  const fleet = installedInFleet(
    [
      host('apt', { bash: '5.2-1', 'libc6:i386': '2.36' }),
      host('apt', { bash: '5.2-2' }, 'arm64'),
      host('dnf', { bash: '5.1' }),
      host('apt', 'nothing that is known'),
      { observedAt: 0, facts: {} },
    ],
    'dpkg',
  );
  expect(fleet.architectures).toEqual(['amd64', 'arm64', 'i386']);
  expect(fleet.versions).toEqual(
    new Map([
      ['bash', new Set(['5.2-1 amd64', '5.2-1 all', '5.2-2 arm64', '5.2-2 all'])],
      ['libc6', new Set(['2.36 i386'])],
    ]),
  );
  expect(installedInFleet([host('zypper', { bash: '5.1-1' }, 'arm64')], 'rpm')).toEqual({
    architectures: ['aarch64'],
    versions: new Map([['bash', new Set(['5.1-1 aarch64', '5.1-1 noarch'])]]),
  });
});
