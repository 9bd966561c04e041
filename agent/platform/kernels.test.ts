import { compareDpkgVersions } from '@tidemark/shared/versions/dpkg.ts';
import { compareRpmVersions } from '@tidemark/shared/versions/rpm.ts';
import { describe, expect, it } from 'vitest';
import { flavourOf, oldKernels } from './kernels.ts';

const debian = (release: string) => ({ line: flavourOf(release), version: release, release });
const rpm = (name: string, version: string) => ({ line: name, version, release: `${version}.x86_64` });

const old = (releases: readonly string[], running: string, keep: number) =>
  oldKernels(releases.map(debian), { running, keep, compare: compareDpkgVersions }).map(({ release }) => release);

describe('old kernels', () => {
  const four = ['6.1.0-9-amd64', '6.1.0-10-amd64', '6.1.0-38-amd64', '6.1.0-37-amd64'];

  it('are all but the newest, by version and not by letter', () => {
    expect(old(four, '6.1.0-38-amd64', 2)).toEqual(['6.1.0-9-amd64', '6.1.0-10-amd64']);
  });

  it('are never the one that runs, however old it is', () => {
    expect(old(four, '6.1.0-9-amd64', 2)).toEqual(['6.1.0-10-amd64']);
  });

  it('are none where so many are kept as there are, or more', () => {
    expect(old(four, '6.1.0-38-amd64', 4)).toEqual([]);
    expect(old(four, '6.1.0-38-amd64', 100)).toEqual([]);
    expect(old([], '6.1.0-38-amd64', 2)).toEqual([]);
  });

  it('are counted for each flavour', () => {
    const both = ['6.1.0-1-amd64', '6.1.0-2-amd64', '6.1.0-3-amd64', '6.1.0-1-cloud-amd64', '6.1.0-2-cloud-amd64'];
    expect(old(both, '6.1.0-2-cloud-amd64', 2)).toEqual(['6.1.0-1-amd64']);
  });

  it('are counted for each package of an rpm kernel', () => {
    const versions = ['5.14.0-70.el9', '5.14.0-427.el9_4', '5.14.0-362.el9'];
    const all = ['kernel-core', 'kernel-modules'].flatMap(name => versions.map(version => rpm(name, version)));
    const running = '5.14.0-427.el9_4.x86_64';
    const gone = oldKernels(all, { running, keep: 2, compare: compareRpmVersions });
    expect(gone.map(({ line, version }) => `${line} ${version}`)).toEqual([
      'kernel-core 5.14.0-70.el9',
      'kernel-modules 5.14.0-70.el9',
    ]);
  });
});
