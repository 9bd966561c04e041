import { z } from 'zod';
import type { StepKindSpec } from './kinds/spec.ts';
import type { Call } from './step-kinds.ts';

type Kinds = Readonly<Record<string, StepKindSpec>>;

/** Where the kinds of a family most likely are: `package` of `package/upgrade`. */
const FAMILIES: Readonly<Record<string, () => Promise<Kinds>>> = {
  archive: async () => (await import('./kinds/archive.ts')).archiveKinds,
  artifact: async () => (await import('./kinds/archive.ts')).archiveKinds,
  batch: async () => (await import('./kinds/batch.ts')).batchKinds,
  check: async () => (await import('./kinds/check.ts')).checkKinds,
  cluster: async () => (await import('./kinds/cluster.ts')).clusterKinds,
  command: async () => (await import('./kinds/command.ts')).commandKinds,
  file: async () => (await import('./kinds/file.ts')).fileKinds,
  inventory: async () => (await import('./kinds/inventory.ts')).inventoryKinds,
  lb: async () => (await import('./kinds/lb.ts')).lbKinds,
  manual: async () => (await import('./kinds/manual.ts')).manualKinds,
  package: async () => (await import('./kinds/package.ts')).packageKinds,
  scan: async () => (await import('./kinds/scan.ts')).scanKinds,
  service: async () => (await import('./kinds/service.ts')).serviceKinds,
  snapshot: async () => (await import('./kinds/snapshot.ts')).snapshotKinds,
  system: async () => (await import('./kinds/system.ts')).systemKinds,
};

const Kinded = z.looseObject({ kind: z.string() });

/**
 * As the schema `Call` parses it, and throws as that does, but without making the schemas of all other kinds: for a process
 * that lives for one call.
 */
export async function readCall(value: unknown): Promise<Call> {
  const { kind } = Kinded.parse(value);
  const known = (await FAMILIES[kind.slice(0, kind.indexOf('/'))]?.()) ?? {};
  if (!Object.hasOwn(known, kind)) return (await import('./step-kinds.ts')).Call.parse(value);
  return z.strictObject({ kind: z.literal(kind), args: (known[kind] as StepKindSpec).args }).parse(value) as Call;
}
