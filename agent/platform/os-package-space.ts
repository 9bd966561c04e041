import { type FileSystemSpace, showBytes, spaceAt } from './file-system.ts';
import { type ChangeNeed, OsPackageProblem } from './os-package.ts';
import { resolveBelow } from './server-path.ts';

/**
 * Our own place for packages: what lies here was fetched by us and is verified before each use, and a cleaning of the
 * manager's cache in between takes nothing from us. Server path.
 */
export const DOWNLOADS = '/var/cache/tidemark-agent/packages';

/** A manager writes much of its database anew with every package, and logs; a full disk there is what cannot be repaired. */
const DATABASE_BYTES = 64 * 1024 * 1024;

/** Refuses before anything is fetched or unpacked what would fill a disk in the middle. */
export function checkSpace(root: string, { downloadBytes, unpackedBytes }: ChangeNeed, database: string): void {
  const needs: [string, number][] = [
    [DOWNLOADS, downloadBytes],
    ['/usr', unpackedBytes],
    [database, DATABASE_BYTES],
  ];
  const byDevice = new Map<number, FileSystemSpace & { needBytes: number }>();
  for (const [path, bytes] of needs) {
    const space = spaceAt(resolveBelow(root, path));
    const known = byDevice.get(space.device);
    byDevice.set(space.device, { ...space, needBytes: (known?.needBytes ?? 0) + bytes });
  }
  const short = [...byDevice.values()].filter(({ freeBytes, needBytes }) => freeBytes < needBytes);
  if (short.length === 0) return;
  const each = short.map(
    ({ mount, freeBytes, needBytes }) =>
      `${mount} has ${showBytes(freeBytes)} free and needs ${showBytes(needBytes)} for download, unpacked packages and the package database`,
  );
  throw new OsPackageProblem(
    'no-space',
    `not enough space: ${each.join('; ')}; nothing was changed; free some and try again`,
    {
      disks: short.map(({ mount, freeBytes, needBytes }) => ({ mount, freeBytes, needBytes })),
    },
  );
}
