import { readdirSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { unreachable } from '@tidemark/shared/base/assert.ts';
import type { SnapshotCreateArgs } from '@tidemark/shared/orders/kinds/snapshot.ts';
import { z } from 'zod';
import { type DatabaseMark, markDatabases, writtenSince } from '../platform/database-writes.ts';
import { readJsonFile, showBytes, writeFileAtomically } from '../platform/file-system.ts';
import type { SnapshotMethod, SnapshotTarget } from '../platform/snapshot.ts';
import { createBtrfsSnapshots } from '../platform/snapshot-btrfs.ts';
import { createCopySnapshots } from '../platform/snapshot-copy.ts';
import { createLibvirtSnapshots } from '../platform/snapshot-libvirt.ts';
import { createLvmSnapshots } from '../platform/snapshot-lvm.ts';
import { createResticSnapshots } from '../platform/snapshot-restic.ts';
import { type Executor, report, type StepContext, StepFailed } from './executor.ts';

/*
 * What is known of the snapshots of this server: `<stateDir>/snapshots/records/<name>.json`, written once a snapshot is
 * whole. Where the data lies is up to the method; copies lie in `<stateDir>/snapshots/copies/<name>`.
 */

const Manifest = z.strictObject({
  format: z.literal('tidemark/snapshot/v1'),
  name: z.string(),
  createdAt: z.int(),
  /** Null: until it is deleted by name. */
  expiresAt: z.int().nullable(),
  method: z.discriminatedUnion('method', [
    z.strictObject({ method: z.literal('copy') }),
    z.strictObject({ method: z.literal('btrfs') }),
    z.strictObject({ method: z.literal('lvm') }),
    z.strictObject({ method: z.literal('libvirt'), uri: z.string() }),
    z.strictObject({ method: z.literal('restic'), repository: z.string(), passwordFile: z.string() }),
  ]),
  kept: z.array(z.strictObject({ path: z.string(), there: z.boolean(), reference: z.string(), bytes: z.int() })),
  /** Of the databases below the paths, where they stood. */
  databases: z
    .array(z.strictObject({ path: z.string(), kind: z.enum(['postgresql', 'other']), position: z.string().nullable() }))
    .default([]),
  files: z.int(),
  bytes: z.int(),
});
type Manifest = z.infer<typeof Manifest>;

/** A snapshot of that name that is whole stays as it is: what a second attempt would keep may be patched already. */
export const snapshotCreate: Executor<'snapshot/create'> = async (args, context) => {
  const { name } = args;
  const before = readManifest(name, context);
  if (before) {
    const { files, bytes, createdAt, method } = before;
    return report(`the snapshot ${name} is there already, of ${new Date(createdAt).toISOString()}`, {
      ...{ name, method: method.method, files, bytes },
    });
  }
  await mkdir(recordsIn(context), { recursive: true, mode: 0o700 });
  const method = methodOf(args);
  const targets = targetsOf(args, context);
  // Before: what is written from now on may not be kept.
  const databases = args.method === 'libvirt' ? [] : await markAll(targets, context);
  const { kept, files, bytes, left } = await providerOf(method, context).create(name, targets);
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
  await writeFileAtomically(manifestOf(name, context), `${JSON.stringify(manifest, null, 2)}\n`);
  const what = whatIsKept(method.method, kept.length, `${files} files (${showBytes(bytes)})`);
  const how = method.method === 'copy' ? 'copied to' : `kept by ${method.method} in`;
  const not = left > 0 ? `; ${left} sockets, pipes or devices have no content and are left out` : '';
  const until = expiresAt === null ? '' : `, until ${new Date(expiresAt).toISOString()}`;
  return report(`${what} ${how} the snapshot ${name}${until}${not}`, { name, method: method.method, files, bytes });
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
  const now = context.clock.now();
  const expired = allManifests(context).filter(({ expiresAt }) => expiresAt !== null && expiresAt <= now);
  const deleted: string[] = [];
  const problems: string[] = [];
  for (const { name } of expired) {
    try {
      await deleteOne(name, context);
      deleted.push(name);
    } catch (error) {
      problems.push(`${name}: ${(error as Error).message}`);
    }
  }
  const done = deleted.length > 0 ? `deleted: ${deleted.join(', ')}` : 'no snapshot was deleted';
  if (problems.length > 0) throw new StepFailed(`${done}; could not be deleted: ${problems.join('; ')}`, { deleted });
  return report(
    deleted.length > 0 ? `the time of these snapshots is over, ${done}` : 'the time of no snapshot is over',
    {
      deleted,
    },
  );
};

/** The record goes last: until then a second attempt knows what is left to free. */
async function deleteOne(name: string, context: StepContext): Promise<Manifest | null> {
  const manifest = readManifest(name, context);
  if (manifest) await providerOf(manifest.method, context).remove(manifest.kept);
  await rm(join(copiesIn(context), name), { recursive: true, force: true });
  await rm(manifestOf(name, context), { force: true });
  return manifest;
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

const copiesIn = ({ stateDir }: StepContext): string => join(stateDir, 'snapshots/copies');
const recordsIn = ({ stateDir }: StepContext): string => join(stateDir, 'snapshots/records');
const manifestOf = (name: string, context: StepContext): string => join(recordsIn(context), `${name}.json`);

function readManifest(name: string, context: StepContext): Manifest | null {
  const parsed = Manifest.safeParse(readJsonFile(manifestOf(name, context)));
  return parsed.success ? parsed.data : null;
}

function allManifests(context: StepContext): Manifest[] {
  let files: string[];
  try {
    files = readdirSync(recordsIn(context));
  } catch {
    return [];
  }
  return files
    .filter(file => file.endsWith('.json'))
    .flatMap(file => readManifest(file.slice(0, -'.json'.length), context) ?? []);
}
