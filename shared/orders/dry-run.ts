import { z } from 'zod';
import { packageKinds } from './kinds/package.ts';

/*
 * What changes of packages would do to a server, asked for and answered outside of any order. A dry run reads and changes
 * nothing, so that nobody has to have signed it.
 */

const upgrade = z.strictObject({
  kind: z.literal('package/upgrade'),
  args: packageKinds['package/upgrade'].args,
});
const install = z.strictObject({
  kind: z.literal('package/install'),
  args: packageKinds['package/install'].args,
});
const remove = z.strictObject({
  kind: z.literal('package/remove'),
  args: packageKinds['package/remove'].args,
});

/** Of a plan's order: the steps that change packages. Null: an upgrade to all that the server's repositories offer. */
export const DryRunRequest = z.strictObject({
  calls: z
    .array(z.discriminatedUnion('kind', [upgrade, install, remove]))
    .min(1)
    .max(100)
    .nullable(),
});
export type DryRunRequest = z.infer<typeof DryRunRequest>;
export type DryRunCall = NonNullable<DryRunRequest['calls']>[number];

const text = z.string().max(4_096);

const DryRunChange = z.object({
  name: text,
  /** Null where it is not, or would not be, there. */
  from: text.nullable(),
  to: text.nullable(),
  /** Size of its file, and of what is unpacked from it; null where nothing comes, or nobody says. */
  downloadBytes: z.number().nullable(),
  unpackedBytes: z.number().nullable(),
});

/** What an agent found. */
export const DryRun = z.object({
  /** Of the packages: `apt`, `dnf`. */
  manager: text,
  changes: z.array(DryRunChange).max(10_000),
  /** Of the changes those that the order does not list. */
  others: z.array(text).max(10_000),
  /** Still to be fetched, and unpacked beside what is there. */
  downloadBytes: z.number(),
  unpackedBytes: z.number(),
  /** Why a step would do nothing: one sentence for each. */
  refused: z.array(text).max(100),
  /** Configuration of these packages that was changed on the server, and whether it would stay. */
  conffiles: z.array(z.object({ path: text, kept: z.boolean() })).max(10_000),
  /** Units at work that use what would be replaced, and that a restart, or only a boot, would bring onto the new. */
  restarts: z.array(z.object({ unit: text, byBoot: z.boolean() })).max(10_000),
});
export type DryRun = z.infer<typeof DryRun>;
