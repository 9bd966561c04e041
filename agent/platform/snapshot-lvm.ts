import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, rmdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { z } from 'zod';
import { capture, read } from './capture.ts';
import type { CommandPlace } from './command.ts';
import { copyTree, sizeOfTree } from './copy-tree.ts';
import { showBytes } from './file-system.ts';
import { type Mount, mountOf, mountsIn } from './mounts.ts';
import { type Kept, RESERVE_BYTES, type SnapshotMethod, SnapshotProblem, type SnapshotTarget } from './snapshot.ts';
import { removeBeside, stageFor, swapIn } from './snapshot-swap.ts';
import { needTool } from './tools.ts';

/** A pool whose bookkeeping is fuller than this may stop with what comes. */
const MAX_METADATA_PERCENT = 80;

const Report = z.object({ report: z.array(z.object({ lv: z.array(z.record(z.string(), z.string())) })) });
/** What is kept of a path: the snapshot as `group/volume`, and where the path lies in it; empty for the mount point. */
const Reference = z.strictObject({ snapshot: z.string(), inside: z.string() });
const referenceOf = ({ reference }: Kept) => Reference.parse(JSON.parse(reference));

/** A thin volume. */
interface Volume {
  group: string;
  name: string;
  pool: string;
}

/**
 * Thin snapshots of the volumes that the paths lie on: they take milliseconds, and space of the pool only as the two grow
 * apart. A path below a mount point comes back as a copy from the snapshot; a mount point itself by a new volume in the
 * place of the old one, for which nobody may be using it.
 */
export function createLvmSnapshots(place: CommandPlace): SnapshotMethod {
  const tool = (name: string, ...args: string[]) => read([needTool(place.root, name), ...args], place);
  /** All that there are, as `group/volume`; that LVM does not answer is not that there are none. */
  const volumes = async (): Promise<string[]> => {
    const said = await tool('lvs', '--reportformat', 'json', '-o', 'vg_name,lv_name');
    const found = Report.parse(JSON.parse(said)).report.flatMap(({ lv }) => lv);
    return found.map(({ vg_name = '', lv_name = '' }) => `${vg_name}/${lv_name}`);
  };
  const exists = async (volume: string): Promise<boolean> => (await volumes()).includes(volume);
  const drop = async (volume: string): Promise<void> => {
    if (await exists(volume)) await tool('lvremove', '--yes', '--quiet', volume);
  };

  const describeVolume = async (which: string): Promise<Record<string, string>> => {
    const fields = 'vg_name,lv_name,pool_lv,lv_size,data_percent,metadata_percent';
    const said = await tool('lvs', '--reportformat', 'json', '--units', 'b', '--nosuffix', '-o', fields, which);
    return Report.parse(JSON.parse(said)).report[0]?.lv[0] ?? {};
  };

  const volumeOf = async (path: string, { source }: Mount): Promise<Volume> => {
    if (!source.startsWith('/dev/') || (await capture([needTool(place.root, 'lvs'), source], place)).status !== 0)
      throw new SnapshotProblem(`${path} lies on ${source}, which is no volume of LVM: take another method`);
    const { vg_name: group = '', lv_name: name = '', pool_lv: pool = '' } = await describeVolume(source);
    if (pool === '')
      throw new SnapshotProblem(`${path} lies on ${group}/${name}, which is no thin volume: take another method`);
    return { group, name, pool };
  };

  const needPoolSpace = async (pool: string, bytes: number): Promise<void> => {
    const { lv_size, data_percent, metadata_percent } = await describeVolume(pool);
    const free = Math.trunc(Number(lv_size) * (1 - Number(data_percent) / 100));
    const needed = bytes + RESERVE_BYTES;
    if (!(free >= needed))
      throw new SnapshotProblem(
        `the thin pool ${pool} has ${showBytes(free)} free, and where all that is kept changes it takes ` +
          `${showBytes(needed)}: extend it (lvextend) and try again`,
      );
    if (Number(metadata_percent) > MAX_METADATA_PERCENT)
      throw new SnapshotProblem(
        `the metadata of the thin pool ${pool} are ${metadata_percent} % full: extend them ` +
          `(lvextend --poolmetadatasize +64M ${pool}) and try again`,
      );
  };

  return {
    method: 'lvm',

    async create(name, targets) {
      const mounts = currentMounts();
      const found: {
        target: SnapshotTarget;
        mount: Mount;
        volume: Volume;
        files: number;
        bytes: number;
        left: number;
      }[] = [];
      for (const target of targets) {
        if (target.at === '/')
          throw new SnapshotProblem('/ cannot be put back while the server runs; name directories below it');
        const mount = mountOf(target.at, mounts);
        const volume = await volumeOf(target.path, mount);
        found.push({ target, mount, volume, ...(await sizeOfTree(target.at)) });
      }
      for (const [pool, each] of Map.groupBy(found, ({ volume }) => `${volume.group}/${volume.pool}`))
        await needPoolSpace(
          pool,
          each.reduce((sum, { bytes }) => sum + bytes, 0),
        );
      const kept: Kept[] = [];
      const made = new Set<string>();
      try {
        for (const { target, mount, volume, bytes } of found) {
          const snapshot = `${volume.group}/${snapshotName(name, volume.name)}`;
          if (!made.has(snapshot)) {
            // One of the same name that nobody vouched for was cut off.
            await drop(snapshot);
            // LVM holds the file system still for that moment.
            await tool('lvcreate', '--quiet', '--snapshot', '--name', snapshot, `${volume.group}/${volume.name}`);
            made.add(snapshot);
          }
          const reference = JSON.stringify({ snapshot, inside: relative(mount.at, target.at) });
          kept.push({ path: target.path, there: existsSync(target.at), reference, bytes });
        }
      } catch (error) {
        for (const snapshot of made) await drop(snapshot);
        throw error;
      }
      const total = (of: 'files' | 'bytes') => found.reduce((sum, each) => sum + each[of], 0);
      return { kept, files: total('files'), bytes: total('bytes'), left: 0 };
    },

    async discard(name) {
      // By its name in every group: what the paths lie on may be mounted no more.
      for (const volume of await volumes()) if (volume.endsWith(endingOf(name))) await drop(volume);
    },

    async revert(kept, target) {
      const { snapshot, inside } = referenceOf(kept);
      if (!(await exists(snapshot)))
        throw new SnapshotProblem(`the volume ${snapshot} is gone, so ${target.path} cannot be put back from it`);
      if (inside === '') return replaceVolume(snapshot, target);
      await removeBeside(target.at, 'revert');
      if (!kept.there) return swapIn(null, target.at);
      await withMounted(snapshot, async root => {
        const stage = stageFor(target.at);
        try {
          await copyTree(join(root, inside), stage);
          await swapIn(stage, target.at);
        } catch (error) {
          await rm(stage, { recursive: true, force: true });
          throw error;
        }
      });
    },

    async remove(kept) {
      for (const snapshot of new Set(kept.map(each => referenceOf(each).snapshot))) await drop(snapshot);
    },
  };

  /** Read-only, where nobody else looks. */
  async function withMounted(snapshot: string, work: (root: string) => Promise<void>): Promise<void> {
    const root = await mkdtemp(join(tmpdir(), 'tidemark-lvm-'));
    // Thin snapshots are made so that nothing activates them by itself.
    await tool('lvchange', '--quiet', '--activate', 'y', '--ignoreactivationskip', snapshot);
    try {
      const type = (await tool('blkid', '--match-tag', 'TYPE', '--output', 'value', `/dev/${snapshot}`)).trim();
      await tool('mount', '-t', type, '-o', READ_ONLY[type] ?? 'ro', `/dev/${snapshot}`, root);
      try {
        await work(root);
      } finally {
        await tool('umount', root);
      }
    } finally {
      await tool('lvchange', '--quiet', '--activate', 'n', snapshot);
      await rmdir(root);
    }
  }

  /** The snapshot stays: what takes the place is a snapshot of it. The old volume goes once the new one is mounted. */
  async function replaceVolume(snapshot: string, { path, at }: SnapshotTarget): Promise<void> {
    const [group = '', name = ''] = snapshot.split('/');
    const origin = `${group}/${originOf(name)}`;
    const old = `${origin}${OLD}`;
    const was = currentMounts().findLast(mount => mount.at === at);
    if (was) {
      const end = await capture([needTool(place.root, 'umount'), at], place);
      if (end.status !== 0)
        throw new SnapshotProblem(
          `${path} is in use, so nothing was put back (${end.lastLine}): stop what uses it first`,
        );
    }
    const mountAgain = () =>
      was ? tool('mount', '-t', was.type, '-o', was.options, `/dev/${origin}`, at) : tool('mount', at);
    try {
      // Both are there after an attempt that was cut off: then what stands in the place is half made.
      if (await exists(old)) await drop(origin);
      else await tool('lvrename', '--quiet', origin, old);
      await tool('lvcreate', '--quiet', '--snapshot', '--setactivationskip', 'n', '--name', origin, snapshot);
      await mountAgain();
    } catch (error) {
      if (await exists(old)) {
        await drop(origin);
        await tool('lvrename', '--quiet', old, origin);
      }
      await mountAgain();
      throw error;
    }
    await drop(old);
  }
}

const currentMounts = (): Mount[] => mountsIn(readFileSync('/proc/self/mountinfo', 'utf8'));

/** A snapshot of a mounted file system has a journal that was not ended, and on XFS the same id as the other. */
const READ_ONLY: Readonly<Record<string, string>> = {
  ext3: 'ro,noload',
  ext4: 'ro,noload',
  xfs: 'ro,norecovery,nouuid',
};

const OLD = '.tidemark-old';
/** LVM's names are shorter than those of snapshots may be. */
const endingOf = (name: string): string => `.tidemark-${createHash('sha256').update(name).digest('hex').slice(0, 16)}`;
const snapshotName = (name: string, volume: string): string => `${volume}${endingOf(name)}`;
const originOf = (snapshot: string): string => snapshot.replace(/\.tidemark-[0-9a-f]{16}$/, '');
