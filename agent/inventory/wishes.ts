import { err, ok, type Result } from '@tidemark/shared/base/result.ts';
import { z } from 'zod';
import { resolveBelow } from '../platform/server-path.ts';
import type { ServerFiles } from './server-files.ts';

/* What the site wants to be looked at that is not looked at anywhere: /etc/tidemark/inventory.yaml. */

const FILE = '/etc/tidemark/inventory.yaml';
const Directories = z.array(z.string().startsWith('/').max(4_096)).max(64);
const Wishes = z.strictObject({
  /** Directories with certificates, with what is below them. */
  certificates: Directories.default([]),
  /** Directories below which packages of npm, Python and Java lie. */
  libraries: Directories.default([]),
});
export type Wishes = z.infer<typeof Wishes>;

const NONE: Wishes = { certificates: [], libraries: [] };

/** The error says what is wrong with the file. */
export async function readWishes(files: ServerFiles): Promise<Result<Wishes, string>> {
  if (!files.exists(FILE)) return ok(NONE);
  // Large, and needed by few.
  const { readYaml } = await import('../config/yaml-file.ts');
  const read = readYaml(resolveBelow(files.root, FILE));
  if (!read.ok) return read;
  const wishes = Wishes.safeParse(read.value ?? {});
  if (wishes.success) return ok(wishes.data);
  const [issue] = wishes.error.issues;
  return err(`${FILE}: ${issue?.path.join('.') || 'it'}: ${issue?.message}`);
}
