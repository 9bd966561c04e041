import { readdirSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type SnapshotCreateArgs, snapshotKinds } from '@tidemark/shared/orders/kinds/snapshot.ts';
import { z } from 'zod';
import { isDraft, readJsonFile, writeFileAtomically } from '../platform/file-system.ts';
import type { StepContext } from './executor.ts';

/*
 * What is known of the snapshots of this server, in its state directory:
 *
 *   snapshots/begun/<name>.json     what was to be kept, before any of it is: whose attempt ends here is taken away by it
 *   snapshots/records/<name>.json   what is kept, once all of it is; it goes last
 *
 * Where the data lies is up to the method; copies lie in `snapshots/copies/<name>`.
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
export type Manifest = z.infer<typeof Manifest>;

const Begun = z.strictObject({
  format: z.literal('tidemark/snapshot-begun/v1'),
  args: snapshotKinds['snapshot/create'].args,
});

type Place = Pick<StepContext, 'stateDir'>;

export const copiesIn = ({ stateDir }: Place): string => join(stateDir, 'snapshots/copies');

/** Undefined where there is no snapshot of that name that is whole. */
export const readManifest = (name: string, place: Place): Manifest | undefined =>
  Manifest.safeParse(readJsonFile(fileOf('records', name, place))).data;

export const allManifests = (place: Place): Manifest[] =>
  namesIn('records', place).flatMap(name => readManifest(name, place) ?? []);

/** The snapshot is whole from now on. */
export async function writeManifest(manifest: Manifest, place: Place): Promise<void> {
  await write('records', manifest.name, manifest, place);
  await removeBegun(manifest.name, place);
}

export const removeManifest = (name: string, place: Place): Promise<void> =>
  rm(fileOf('records', name, place), { force: true });

/** To be called before anything of it is kept. */
export const writeBegun = (args: SnapshotCreateArgs, place: Place): Promise<void> =>
  write('begun', args.name, { format: 'tidemark/snapshot-begun/v1', args }, place);

/** Undefined where no attempt to make that one was cut off. */
export const readBegun = (name: string, place: Place): SnapshotCreateArgs | undefined =>
  Begun.safeParse(readJsonFile(fileOf('begun', name, place))).data?.args;

/** Those whose attempt was cut off: one step works with snapshots at a time. */
export const allBegun = (place: Place): SnapshotCreateArgs[] =>
  namesIn('begun', place).flatMap(name => readBegun(name, place) ?? []);

/** Takes away what was being written as the power went: one step works with snapshots at a time, so nobody is at it. */
export async function removeDrafts(place: Place): Promise<void> {
  for (const sort of SORTS)
    for (const file of filesIn(sort, place))
      if (isDraft(file)) await rm(join(directoryOf(sort, place), file), { force: true });
}

export const removeBegun = (name: string, place: Place): Promise<void> =>
  rm(fileOf('begun', name, place), { force: true });

const SORTS = ['begun', 'records'] as const;
type Sort = (typeof SORTS)[number];

const directoryOf = (sort: Sort, { stateDir }: Place): string => join(stateDir, 'snapshots', sort);
const fileOf = (sort: Sort, name: string, place: Place): string => join(directoryOf(sort, place), `${name}.json`);

async function write(sort: Sort, name: string, value: unknown, place: Place): Promise<void> {
  await mkdir(directoryOf(sort, place), { recursive: true, mode: 0o700 });
  await writeFileAtomically(fileOf(sort, name, place), `${JSON.stringify(value, null, 2)}\n`);
}

const namesIn = (sort: Sort, place: Place): string[] =>
  filesIn(sort, place)
    .filter(file => file.endsWith('.json'))
    .map(file => file.slice(0, -'.json'.length));

function filesIn(sort: Sort, place: Place): string[] {
  try {
    return readdirSync(directoryOf(sort, place));
  } catch {
    return [];
  }
}
