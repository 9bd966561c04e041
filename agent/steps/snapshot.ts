import { unreachable } from '@tidemark/shared/base/assert.ts';
import type { SnapshotCreateArgs } from '@tidemark/shared/orders/kinds/snapshot.ts';
import { type DatabaseMark, markDatabases, writtenSince } from '../platform/database-writes.ts';
import { showBytes } from '../platform/file-system.ts';
import type { SnapshotMethod, SnapshotTarget } from '../platform/snapshot.ts';
import { createBtrfsSnapshots } from '../platform/snapshot-btrfs.ts';
import { createCopySnapshots } from '../platform/snapshot-copy.ts';
import { createLibvirtSnapshots } from '../platform/snapshot-libvirt.ts';
import { createLvmSnapshots } from '../platform/snapshot-lvm.ts';
import { createResticSnapshots } from '../platform/snapshot-restic.ts';
import { type Executor, report, type StepContext, StepFailed } from './executor.ts';
import {
  allBegun,
  allManifests,
  copiesIn,
  type Manifest,
  readBegun,
  readManifest,
  removeBegun,
  removeDrafts,
  removeManifest,
  writeBegun,
  writeManifest,
} from './snapshot-records.ts';

/**
 * A snapshot of that name that is whole stays as it is: what a second attempt would keep may be patched already. Those whose
 * time is over go first, so that a server that makes snapshots keeps none for ever.
 */
export const snapshotCreate: Executor<'snapshot/create'> = async (args, context) => {
  const { name } = args;
  const before = readManifest(name, context);
  if (before) {
    await removeBegun(name, context);
    const { files, bytes, createdAt, method } = before;
    return report(`the snapshot ${name} is there already, of ${new Date(createdAt).toISOString()}`, {
      ...{ name, method: method.method, files, bytes },
    });
  }
  const pruned = await prune(name, context);
  const method = methodOf(args);
  const targets = targetsOf(args, context);
  // Before: what is written from now on may not be kept.
  const databases = args.method === 'libvirt' ? [] : await markAll(targets, context);
  const provider = providerOf(method, context);
  await writeBegun(args, context);
  const taken = await provider.create(name, targets).catch(async (error: unknown) => {
    // Where that fails too, a later step takes it away.
    await discard(args, context).catch(() => undefined);
    throw error;
  });
  const { kept, files, bytes, left } = taken;
  const expiresAt = args.expiresAt ?? null;
  const createdAt = context.clock.now();
  const manifest: Manifest = {
    format: 'tidemark/snapshot/v1',
    name,
    createdAt,
    expiresAt,
    method,
    kept,
    databases,
    files,
    bytes,
  };
  await writeManifest(manifest, context);
  const what = whatIsKept(method.method, kept.length, `${files} files (${showBytes(bytes)})`);
  const how = method.method === 'copy' ? 'copied to' : `kept by ${method.method} in`;
  const not = left > 0 ? `; ${left} sockets, pipes or devices have no content and are left out` : '';
  const until = expiresAt === null ? '' : `, until ${new Date(expiresAt).toISOString()}`;
  const gone =
    pruned.deleted.length > 0 || pruned.problems.length > 0 ? `; before that, ${describePruned(pruned)}` : '';
  return report(`${what} ${how} the snapshot ${name}${until}${not}${gone}`, {
    ...{ name, method: method.method, files, bytes },
  });
};

function targetsOf(args: SnapshotCreateArgs, context: StepContext): SnapshotTarget[] {
  // A virtual machine has no path: it is found by its name.
  if (args.method === 'libvirt') return [...new Set(args.domains)].map(domain => ({ path: domain, at: domain }));
  return [...new Set(args.paths)].map(path => ({ path, at: context.resolve(path) }));
}

async function markAll(targets: readonly SnapshotTarget[], { place }: StepContext): Promise<DatabaseMark[]> {
  const marks = await Promise.all(targets.map(({ at }) => markDatabases(at, place)));
  return marks.flat();
}

function whatIsKept(method: Manifest['method']['method'], count: number, files: string): string {
  if (method === 'btrfs') return `${count} subvolumes are`;
  return method === 'libvirt' ? `${count} virtual machines are` : `${files} are`;
}

/** Each path by itself: where one cannot be put back, those before it are. */
export const snapshotRevert: Executor<'snapshot/revert'> = async (args, context) => {
  const { name } = args;
  const manifest = readManifest(name, context);
  if (!manifest) throw new StepFailed(`there is no snapshot ${name} on this server, so nothing can be put back`);
  const wanted = ('paths' in args ? args.paths : args.domains).map(path => {
    const kept = manifest.kept.find(each => each.path === path);
    if (!kept) throw new StepFailed(`the snapshot ${name} does not hold ${path}, so nothing was put back`);
    return kept;
  });
  if ('paths' in args && args.whenWritten === 'ask') await askWhereWritten(manifest, args.paths, context);
  const provider = providerOf(manifest.method, context);
  const at = (path: string) => (manifest.method.method === 'libvirt' ? path : context.resolve(path));
  const reverted: string[] = [];
  for (const kept of wanted) {
    try {
      await provider.revert(kept, { path: kept.path, at: at(kept.path) });
    } catch (error) {
      const before = reverted.length > 0 ? `; put back were ${reverted.join(', ')}` : '';
      throw new StepFailed(`${kept.path} could not be put back: ${(error as Error).message}${before}`, {
        name,
        reverted,
      });
    }
    reverted.push(kept.path);
  }
  const gone = wanted.filter(({ there }) => !there).map(({ path }) => path);
  const of = new Date(manifest.createdAt).toISOString();
  return report(
    `${reverted.join(', ')} as at ${of} again${gone.length > 0 ? ` (${gone.join(', ')} did not exist then)` : ''}`,
    { name, reverted, gone },
  );
};

/** What a database has taken since is somebody's work: that it goes is for a person to say. */
async function askWhereWritten(manifest: Manifest, paths: readonly string[], context: StepContext): Promise<void> {
  const written: { database: string; why: string }[] = [];
  for (const mark of manifest.databases) {
    const below = paths.some(path => `${mark.path}/`.startsWith(`${context.resolve(path)}/`));
    const why = below ? await writtenSince(mark, manifest.createdAt, context.place) : null;
    if (why !== null) written.push({ database: mark.path, why });
  }
  if (written.length === 0) return;
  const each = written.map(({ database, why }) => `${database} (${why})`).join(', ');
  throw new StepFailed(
    `nothing was put back: a database has written since ${new Date(manifest.createdAt).toISOString()}, and that would be ` +
      `lost: ${each}; decide what becomes of it, then revert with "whenWritten: lose", or mark this as done`,
    { name: manifest.name, reason: 'database-has-written', written },
  );
}

export const snapshotDelete: Executor<'snapshot/delete'> = async ({ name }, context) => {
  const deleted = await deleteOne(name, context);
  return deleted
    ? report(`the snapshot ${name} is deleted${deleted.bytes > 0 ? `: it held ${showBytes(deleted.bytes)}` : ''}`, {
        name,
        bytes: deleted.bytes,
      })
    : report(`there is no snapshot ${name}`, { name, bytes: 0 });
};

export const snapshotPrune: Executor<'snapshot/prune'> = async (_args, context) => {
  const pruned = await prune(null, context);
  const { deleted, problems } = pruned;
  if (problems.length > 0) throw new StepFailed(describePruned(pruned), { deleted });
  return report(
    deleted.length > 0
      ? `the time of these snapshots is over, ${describePruned(pruned)}`
      : 'the time of no snapshot is over',
    { deleted },
  );
};

interface Pruned {
  deleted: string[];
  /** `NAME: why it is still there` */
  problems: string[];
}

/** Deletes those whose time is over, and what was cut off before it was whole; `but` is about to be made anew. */
async function prune(but: string | null, context: StepContext): Promise<Pruned> {
  const now = context.clock.now();
  const expired = allManifests(context).filter(({ expiresAt }) => expiresAt !== null && expiresAt <= now);
  const names = new Set([...expired, ...allBegun(context)].map(({ name }) => name).filter(name => name !== but));
  const pruned: Pruned = { deleted: [], problems: [] };
  await removeDrafts(context);
  for (const name of names) {
    try {
      await deleteOne(name, context);
      pruned.deleted.push(name);
    } catch (error) {
      pruned.problems.push(`${name}: ${(error as Error).message}`);
    }
  }
  return pruned;
}

function describePruned({ deleted, problems }: Pruned): string {
  const done = deleted.length > 0 ? `deleted: ${deleted.join(', ')}` : 'no snapshot was deleted';
  return problems.length > 0 ? `${done}; could not be deleted: ${problems.join('; ')}` : done;
}

/** What is known of it goes last: until then a second attempt knows what is left to free. */
async function deleteOne(name: string, context: StepContext): Promise<Manifest | undefined> {
  const begun = readBegun(name, context);
  const manifest = readManifest(name, context);
  // Where it is whole, the attempt that was written down before is this very one.
  if (manifest) await providerOf(manifest.method, context).remove(manifest.kept);
  else if (begun) await discard(begun, context);
  await removeManifest(name, context);
  await removeBegun(name, context);
  return manifest;
}

/** Takes away what is there of a snapshot that is not whole. */
async function discard(args: SnapshotCreateArgs, context: StepContext): Promise<void> {
  await providerOf(methodOf(args), context).discard(args.name, targetsOf(args, context));
  await removeBegun(args.name, context);
}

function methodOf(args: SnapshotCreateArgs): Manifest['method'] {
  if (args.method === 'libvirt') return { method: args.method, uri: args.uri };
  if (args.method !== 'restic') return { method: args.method };
  const { method, repository, passwordFile } = args;
  return { method, repository, passwordFile };
}

function providerOf(method: Manifest['method'], context: StepContext): SnapshotMethod {
  switch (method.method) {
    case 'copy':
      return createCopySnapshots(copiesIn(context));
    case 'btrfs':
      return createBtrfsSnapshots(context.place);
    case 'lvm':
      return createLvmSnapshots(context.place);
    case 'libvirt':
      return createLibvirtSnapshots(method.uri, context.place);
    case 'restic': {
      const { repository, passwordFile } = method;
      const resolved = { repository: context.resolve(repository), passwordFile: context.resolve(passwordFile) };
      return createResticSnapshots(resolved, context.place);
    }
    default:
      return unreachable(method);
  }
}
