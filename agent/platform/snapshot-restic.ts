import { existsSync, readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { capture, read } from './capture.ts';
import { type Argv, type CommandPlace, describeEnd } from './command.ts';
import { sizeOfTree } from './copy-tree.ts';
import { identify } from './process.ts';
import { type Kept, type SnapshotMethod, SnapshotProblem } from './snapshot.ts';
import { needSpace } from './snapshot-space.ts';
import { removeBeside, stageFor, swapIn } from './snapshot-swap.ts';
import { needTool } from './tools.ts';

/** Where they lie for this agent. */
export interface ResticRepository {
  repository: string;
  passwordFile: string;
}

const Summary = z.object({ message_type: z.literal('summary'), snapshot_id: z.string().regex(/^[0-9a-f]{8,64}$/) });
const Lock = z.object({ hostname: z.string(), pid: z.int() });
const Snapshots = z.array(z.object({ id: z.string() })).nullable();

/** Snapshots in a restic repository that is there: encrypted and deduplicated, one for each path. */
export function createResticSnapshots(
  { repository, passwordFile }: ResticRepository,
  place: CommandPlace,
): SnapshotMethod {
  const argv = (...args: string[]): Argv => [
    needTool(place.root, 'restic'),
    ...['--repo', repository, '--password-file', passwordFile],
    // Nothing of it lies outside of the repository.
    ...['--no-cache', '--quiet'],
    ...args,
  ];
  const restic = (...args: string[]) => read(argv(...args), place);
  const find = async (...which: string[]): Promise<string[]> =>
    (Snapshots.parse(JSON.parse(await restic('snapshots', '--json', ...which))) ?? []).map(({ id }) => id);

  const isRepository = (): boolean => existsSync(join(repository, 'config'));

  const checkRepository = async (): Promise<void> => {
    if (!isRepository())
      throw new SnapshotProblem(
        `${repository} is no restic repository; make one with: restic --repo ${repository} init`,
      );
    // What a killed restic has left locked; locks of living ones stay.
    const end = await capture(argv('unlock'), place);
    if (end.status !== 0)
      throw new SnapshotProblem(`the repository ${repository} cannot be opened: ${describeEnd(end)}`);
    await removeOwnLocks();
  };

  /**
   * Locks that a power cut or a kill has left on this server. `unlock` takes whoever has the process id now, and a process
   * that ended and that nobody has collected, for the restic that has the lock, for half an hour.
   */
  const removeOwnLocks = async (): Promise<void> => {
    for (const id of (await restic('list', 'locks', '--no-lock')).split('\n').filter(line => line !== '')) {
      const said = await capture(argv('cat', 'lock', id, '--no-lock'), place);
      // It is gone by now, or cannot be read, and then whoever needs it away says so.
      const lock = Lock.safeParse(said.status === 0 ? JSON.parse(said.stdout) : null);
      if (lock.success && lock.data.hostname === hostname() && !isRestic(lock.data.pid))
        await rm(join(repository, 'locks', id), { force: true });
    }
  };

  const backUp = async (name: string, at: string): Promise<string> => {
    // Without --quiet, which leaves the summary out.
    const said = await read(
      argv('backup', '--json', '--tag', tagOf(name), at).filter(each => each !== '--quiet') as unknown as Argv,
      place,
    );
    const last = said.trim().split('\n').at(-1) ?? '';
    return Summary.parse(JSON.parse(last)).snapshot_id;
  };

  return {
    method: 'restic',

    async create(name, targets) {
      await checkRepository();
      const sizes = await Promise.all(targets.map(({ at }) => sizeOfTree(at)));
      const total = (of: 'files' | 'bytes' | 'left') => sizes.reduce((sum, size) => sum + size[of], 0);
      // At most: what the repository has already takes nothing.
      needSpace(`the snapshot ${name}`, total('bytes'), repository);
      const before = await find('--tag', tagOf(name));
      if (before.length > 0) await forget(before);
      const kept: Kept[] = [];
      try {
        for (const [index, { path, at }] of targets.entries()) {
          const there = existsSync(at);
          const reference = there ? await backUp(name, at) : '';
          kept.push({ path, there, reference, bytes: sizes[index]?.bytes ?? 0 });
        }
      } catch (error) {
        await forget(kept.map(({ reference }) => reference).filter(id => id !== ''));
        throw error;
      }
      return { kept, files: total('files'), bytes: total('bytes'), left: total('left') };
    },

    async discard(name) {
      // Without one nothing was kept.
      if (!isRepository()) return;
      await checkRepository();
      await forget(await find('--tag', tagOf(name)));
    },

    async revert({ there, reference, bytes }, { at }) {
      await removeBeside(at, 'revert');
      if (!there) return swapIn(null, at);
      await checkRepository();
      needSpace(`what is put back to ${at}`, bytes, at);
      const stage = stageFor(at);
      try {
        // The snapshot holds this path alone, below all of its parents.
        await restic('restore', reference, '--target', stage);
        await swapIn(join(stage, at), at);
      } finally {
        await rm(stage, { recursive: true, force: true });
      }
    },

    async remove(kept) {
      const references = kept.map(({ reference }) => reference).filter(id => id !== '');
      if (references.length === 0) return;
      await checkRepository();
      const there = await find();
      await forget(there.filter(id => references.some(reference => id.startsWith(reference))));
    },
  };

  /** What was cut off in the middle has forgotten them and left what they held, so that is looked for in any case. */
  async function forget(ids: readonly string[]): Promise<void> {
    if (ids.length > 0) await restic('forget', '--prune', ...ids);
    else await restic('prune');
  }
}

/** Alive, and what it says that it is. */
function isRestic(pid: number): boolean {
  try {
    return identify(pid) !== null && readFileSync(`/proc/${pid}/comm`, 'utf8').trim() === 'restic';
  } catch {
    return false;
  }
}

const tagOf = (name: string): string => `tidemark-${name}`;
