import fs from 'node:fs';

/** Magic numbers of statfs(2), by the names that mount(8) uses; those of one name are one family. */
const TYPES: ReadonlyMap<number, string> = new Map([
  [0xef53, 'ext'],
  [0x58465342, 'xfs'],
  [0x9123683e, 'btrfs'],
  [0x2fc12fc1, 'zfs'],
  [0xf2f52010, 'f2fs'],
  [0x3153464a, 'jfs'],
  [0x4d44, 'vfat'],
  [0x2011bab0, 'exfat'],
  [0x73717368, 'squashfs'],
  [0xe0f5e1e2, 'erofs'],
  [0x9660, 'iso9660'],
  [0x794c7630, 'overlay'],
  [0x01021994, 'tmpfs'],
  [0x858458f6, 'ramfs'],
  [0x6969, 'nfs'],
  [0xff534d42, 'cifs'],
  [0xfe534d42, 'cifs'],
  [0x65735546, 'fuse'],
  [0x01021997, '9p'],
  [0x00c36400, 'ceph'],
  [0x9fa0, 'proc'],
  [0x62656572, 'sysfs'],
]);

/** The type of the file system that an open directory lies on; the magic number in hex where it is none of the known. */
export function fileSystemOf(descriptor: number): string {
  const { type } = fs.statfsSync(`/proc/self/fd/${descriptor}`);
  return TYPES.get(type >>> 0) ?? `0x${(type >>> 0).toString(16)}`;
}
