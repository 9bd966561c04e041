import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { mountsIn } from '../platform/mounts.ts';
import { collectSystem, diskMounts, parseOsRelease } from './system.ts';

describe('the operating system', () => {
  it.each([
    [
      'Debian',
      'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nNAME="Debian GNU/Linux"\nVERSION_ID="12"\nVERSION="12 (bookworm)"\nVERSION_CODENAME=bookworm\nID=debian\n',
      { id: 'debian', version: '12', distro: 'Debian GNU/Linux', release: '12', codename: 'bookworm' },
    ],
    [
      'Ubuntu',
      'PRETTY_NAME="Ubuntu 22.04.3 LTS"\nNAME="Ubuntu"\nVERSION_ID="22.04"\nVERSION="22.04.3 LTS (Jammy Jellyfish)"\nVERSION_CODENAME=jammy\n',
      { distro: 'Ubuntu', release: '22.04.3 LTS', codename: 'jammy' },
    ],
    [
      'Rocky',
      'NAME="Rocky Linux"\nVERSION="9.4 (Blue Onyx)"\nID="rocky"\nID_LIKE="rhel centos"\nPRETTY_NAME="Rocky Linux 9.4 (Blue Onyx)"\n',
      { id: 'rocky', like: ['rhel', 'centos'], distro: 'Rocky Linux', release: '9.4', codename: 'Blue Onyx' },
    ],
    [
      'Arch, which has no versions',
      'NAME=Arch Linux\nPRETTY_NAME="Arch Linux"\n',
      { distro: 'Arch Linux', release: 'unknown', codename: '' },
    ],
    ['one that says nothing', '', { distro: 'unknown', release: 'unknown', codename: '' }],
  ])('of %s', (_, text, expected) => {
    expect(parseOsRelease(text)).toMatchObject(expected);
  });
});

const MOUNTINFO = `21 1 8:1 / / rw - ext4 /dev/sda1 rw
22 21 0:5 / /dev rw - devtmpfs udev rw
23 21 0:6 / /proc rw - proc proc rw
24 21 8:2 / /var/lib/my\\040data rw - xfs /dev/mapper/vg-data rw
25 21 0:40 / /mnt/share rw - nfs4 nas:/share rw
26 21 7:1 / /snap/core rw - squashfs /dev/loop1 ro
27 21 8:3 / /mnt/share rw - ext4 /dev/sdb1 rw
28 21 0:50 / /run/user/0 rw - tmpfs tmpfs rw
`;

describe('file systems', () => {
  it('are what can be full, by the last that was mounted in a place', () => {
    expect(diskMounts(mountsIn(MOUNTINFO)).map(({ at, type }) => [at, type])).toEqual([
      ['/', 'ext4'],
      ['/mnt/share', 'ext4'],
      ['/var/lib/my data', 'xfs'],
    ]);
  });

  it('are as large and as free as df says', async () => {
    const errors: string[] = [];
    const { mounts, memory, os } = await collectSystem(errors);
    expect(errors).toEqual([]);
    const [root] = mounts.filter(({ mount }) => mount === '/');
    const [, size = '', available = ''] =
      /(\d+)\s+\d+\s+(\d+)\s+\S+\s+\/$/m.exec(execFileSync('df', ['-kP', '/'], { encoding: 'utf8' })) ?? [];
    expect(root?.totalBytes).toBe(Number(size) * 1024);
    // Others write to it meanwhile.
    expect(Math.abs((root?.freeBytes ?? 0) - Number(available) * 1024)).toBeLessThan(2 ** 30);
    expect(memory?.availableBytes).toBeGreaterThan(0);
    expect(os?.distro).not.toBe('unknown');
  });
});
