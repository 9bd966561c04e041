import { describe, expect, it } from 'vitest';
import { harvestDeb } from './deb.ts';
import { DEFAULT_LIMITS } from './limits.ts';
import { generatedBy } from './maintainer-scripts.ts';
import { harvestRpm } from './rpm.ts';
import { debOf, memoryFile, rpmOf } from './testing/packages.ts';

const made = (...scripts: string[]) =>
  generatedBy(scripts).map(({ path, target }) => (target === null ? path : `${path} -> ${target}`));

describe('what scripts of packages make', () => {
  it('is links of alternatives, with those that follow them', () => {
    const script = `#!/bin/sh
set -e
# update-alternatives --install /usr/bin/no no /usr/bin/never 1
if [ "$1" = configure ]; then
  update-alternatives --quiet --install /usr/bin/awk awk /usr/bin/mawk 5 \\
    --slave /usr/share/man/man1/awk.1.gz awk.1.gz /usr/share/man/man1/mawk.1.gz \\
    --slave "/bin/nawk" 'nawk' /usr/bin/mawk || true
fi`;
    expect(made(script)).toEqual([
      '/usr/bin/awk -> /etc/alternatives/awk',
      '/etc/alternatives/awk -> /usr/bin/mawk',
      '/usr/share/man/man1/awk.1.gz -> /etc/alternatives/awk.1.gz',
      '/etc/alternatives/awk.1.gz -> /usr/share/man/man1/mawk.1.gz',
      '/usr/bin/nawk -> /etc/alternatives/nawk',
      '/etc/alternatives/nawk -> /usr/bin/mawk',
    ]);
    expect(made('/usr/sbin/alternatives --install /usr/bin/ld ld /usr/bin/ld.bfd 50')).toEqual([
      '/usr/bin/ld -> /etc/alternatives/ld',
      '/etc/alternatives/ld -> /usr/bin/ld.bfd',
    ]);
  });

  it('is where another package finds its file diverted', () => {
    expect(made('dpkg-divert --package shop --add --rename --divert /usr/bin/sh.real /usr/bin/sh')).toEqual([
      '/usr/bin/sh.real',
    ]);
    expect(made('dpkg-divert --no-rename --add /bin/sh')).toEqual(['/usr/bin/sh.distrib']);
    expect(made('dpkg-divert --package shop --remove --divert /usr/bin/sh.real /usr/bin/sh')).toEqual([]);
  });

  it.each([
    ['a variable', 'update-alternatives --install $LINK awk /usr/bin/mawk 5'],
    ['a path upwards', 'update-alternatives --install /usr/../etc/shadow awk /usr/bin/mawk 5'],
    ['a name that is a path', 'update-alternatives --install /usr/bin/awk ../../etc/shadow /usr/bin/mawk 5'],
    ['too few words', 'update-alternatives --install /usr/bin/awk awk'],
    ['another action', 'update-alternatives --remove awk /usr/bin/mawk'],
    ['a place that is none', 'dpkg-divert --add --divert "$(pwd)/x" /usr/bin/sh'],
    ['nothing', ''],
  ])('is passed over where it says %s', (_, script) => {
    expect(made(script)).toEqual([]);
  });

  it('is no more than people write', () => {
    const many = Array.from({ length: 5_000 }, (_, at) => `update-alternatives --install /usr/bin/a${at} a${at} /b 1`);
    expect(made(many.join('\n'))).toHaveLength(2_000);
  });

  it('is listed with the files of its package, unless that brings it itself', async () => {
    const scripts = { postinst: 'update-alternatives --install /usr/bin/awk awk /usr/bin/mawk 5\n' };
    const data = [{ name: './etc/alternatives/awk', content: 'own' }];
    const deb = await harvestDeb(memoryFile(await debOf({ data, scripts })), DEFAULT_LIMITS);
    expect(deb.files.map(({ path, flags }) => [path, flags])).toEqual([
      ['/etc/alternatives/awk', []],
      ['/usr/bin/awk', ['generated', 'missing-ok']],
    ]);
    const rpm = await harvestRpm(memoryFile(rpmOf({ files: [], tags: { 1024: scripts.postinst } })), DEFAULT_LIMITS);
    expect(rpm.files.map(({ path }) => path)).toEqual(['/usr/bin/awk', '/etc/alternatives/awk']);
  });
});
