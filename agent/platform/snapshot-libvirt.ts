import { closeSync, openSync, readSync } from 'node:fs';
import { read } from './capture.ts';
import type { CommandPlace } from './command.ts';
import { showBytes, spaceAt } from './file-system.ts';
import { type Kept, RESERVE_BYTES, type SnapshotMethod, SnapshotProblem } from './snapshot.ts';
import { needTool } from './tools.ts';

/** What `virsh dominfo` calls the memory of a domain, in KiB. */
const MEMORY = /^Used memory:\s+(\d+) KiB$/m;

/**
 * Snapshots of virtual machines by the libvirt of the host that runs them, inside of their disks. A target is the name of a
 * domain. Reverting also brings back whether it ran, and its memory with it.
 */
export function createLibvirtSnapshots(uri: string, place: CommandPlace): SnapshotMethod {
  const argv = (...args: string[]) => [needTool(place.root, 'virsh'), '--quiet', '--connect', uri, ...args] as const;
  const virsh = async (...args: string[]) => read([...argv(...args)] as [string, ...string[]], place);
  /** One each line; that it does not answer is not that there are none. */
  const names = async (...args: string[]): Promise<string[]> =>
    (await virsh(...args, '--name')).split('\n').map(line => line.trim());

  const hasDomain = async (domain: string) => (await names('list', '--all')).includes(domain);
  const hasSnapshot = async (domain: string, name: string) =>
    (await hasDomain(domain)) && (await names('snapshot-list', domain)).includes(name);

  const removeOne = async (domain: string, name: string): Promise<void> => {
    if (await hasSnapshot(domain, name)) await virsh('snapshot-delete', domain, name);
  };

  /** The memory of what runs lies in its disk then; how full the rest gets is up to what the guest overwrites. */
  const needRoom = async (domain: string): Promise<number> => {
    const running = (await virsh('domstate', domain)).trim() === 'running';
    const memory = running ? Number(MEMORY.exec(await virsh('dominfo', domain))?.[1] ?? 0) * 1024 : 0;
    const disks = (await virsh('domblklist', domain, '--details'))
      .split('\n')
      .flatMap(line => /^\s*file\s+disk\s+\S+\s+(\/.*)$/.exec(line)?.[1]?.trim() ?? []);
    for (const disk of disks) {
      if (beginningOf(disk) !== 'QFI\xfb')
        throw new SnapshotProblem(`${disk} of ${domain} is no qcow2 image, which alone can hold snapshots; convert it`);
      const { mount, freeBytes } = spaceAt(disk);
      if (freeBytes < memory + RESERVE_BYTES)
        throw new SnapshotProblem(
          `${mount} has ${showBytes(freeBytes)} free, and a snapshot of ${domain} takes ${showBytes(memory + RESERVE_BYTES)}: ` +
            'free some and try again',
        );
    }
    return memory;
  };

  return {
    method: 'libvirt',

    async create(name, targets) {
      const kept: Kept[] = [];
      for (const { path: domain } of targets) {
        if (!(await hasDomain(domain)))
          throw new SnapshotProblem(`${uri} has no virtual machine ${domain}; see virsh list --all`);
      }
      let bytes = 0;
      try {
        for (const { path: domain } of targets) {
          const memory = await needRoom(domain);
          const reference = snapshotName(name);
          // One of the same name that nobody vouched for was cut off.
          await removeOne(domain, reference);
          await virsh('snapshot-create-as', domain, reference, '--description', 'Made by tidemark', '--atomic');
          kept.push({ path: domain, there: true, reference, bytes: memory });
          bytes += memory;
        }
      } catch (error) {
        for (const { path, reference } of kept) await virsh('snapshot-delete', path, reference);
        throw error;
      }
      return { kept, files: 0, bytes, left: 0 };
    },

    async discard(name, targets) {
      for (const { path: domain } of targets) await removeOne(domain, snapshotName(name));
    },

    async revert({ path: domain, reference }) {
      if (!(await hasSnapshot(domain, reference)))
        throw new SnapshotProblem(
          `the virtual machine ${domain} has no snapshot ${reference}; see virsh snapshot-list`,
        );
      await virsh('snapshot-revert', domain, reference);
    },

    async remove(kept) {
      for (const { path: domain, reference } of kept) await removeOne(domain, reference);
    },
  };
}

/** A disk may be larger than memory. */
function beginningOf(file: string): string {
  const [handle, buffer] = [openSync(file, 'r'), Buffer.alloc(4)];
  try {
    readSync(handle, buffer, 0, buffer.length, 0);
  } finally {
    closeSync(handle);
  }
  return buffer.toString('latin1');
}

const snapshotName = (name: string): string => `tidemark-${name}`;
