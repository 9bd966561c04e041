import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Digest, isDigest } from '@tidemark/shared/base/digest.ts';
import type { Section, SectionRef } from '@tidemark/shared/inventory/section.ts';
import { z } from 'zod';
import { readJsonFile } from '../platform/file-system.ts';

/*
 * What the last look at the server found, for the executor to offer and to hand over what is wanted of it:
 *
 *   <stateDir>/inventory/index.json     the root, and the digests by kind
 *   <stateDir>/inventory/<digest>.json  the canonical text of a section
 *
 * It is written by the look itself, which is a process of its own: the executor never holds a whole inventory.
 */

const Index = z.strictObject({
  root: z.custom<Digest>(value => typeof value === 'string' && isDigest(value)),
  sections: z.array(
    z.strictObject({
      kind: z.string(),
      digest: z.custom<Digest>(value => typeof value === 'string' && isDigest(value)),
    }),
  ),
});
export type KeptIndex = z.infer<typeof Index>;

/** What the controller may still want of a look that another one has followed. */
const REPLACED_KEPT_MS = 600_000;

const directoryIn = (stateDir: string): string => join(stateDir, 'inventory');
const fileOf = (stateDir: string, digest: Digest): string =>
  join(directoryIn(stateDir), `${digest.slice('sha256:'.length)}.json`);

/** `same` are sections that are kept already. */
export function keepSections(
  stateDir: string,
  root: Digest,
  sections: readonly Section[],
  same: readonly SectionRef[],
  now: number,
): KeptIndex {
  const directory = directoryIn(stateDir);
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const names = new Set(readdirSync(directory));
  const put = (file: string, text: string) => {
    writeFileSync(`${file}.${process.pid}.new`, text, { mode: 0o600 });
    renameSync(`${file}.${process.pid}.new`, file);
  };
  const files = sections.map(({ digest, text }) => ({ file: fileOf(stateDir, digest), text }));
  for (const { file, text } of files) if (!names.has(file.slice(directory.length + 1))) put(file, text);
  const own = sections.map(({ kind, digest }) => ({ kind, digest }));
  const index = { root, sections: [...own, ...same] };
  const before = readKept(stateDir);
  if (before?.root !== root) put(join(directory, 'index.json'), JSON.stringify(index));
  const nameOf = ({ digest }: SectionRef) => fileOf(stateDir, digest).slice(directory.length + 1);
  const current = new Set(['index.json', ...index.sections.map(nameOf)]);
  for (const name of names) if (!current.has(name)) removeOld(join(directory, name), now);
  return index;
}

/** Null where nothing was found yet. */
export function readKept(stateDir: string): KeptIndex | null {
  const parsed = Index.safeParse(readJsonFile(join(directoryIn(stateDir), 'index.json')));
  return parsed.success ? parsed.data : null;
}

/** Null where it is not kept any more. */
export function readKeptText(stateDir: string, digest: Digest): string | null {
  try {
    return readFileSync(fileOf(stateDir, digest), 'utf8');
  } catch {
    return null;
  }
}

/** Those of these kinds that the last look found, and that are still there. */
export const keptRefs = (stateDir: string, kept: KeptIndex | null, kinds: readonly string[]): SectionRef[] =>
  (kept?.sections ?? []).filter(({ kind, digest }) => kinds.includes(kind) && existsSync(fileOf(stateDir, digest)));

/** The content of a section of the last look; undefined where there is none. */
export function readKeptContent(stateDir: string, kept: KeptIndex | null, kind: string): unknown {
  const ref = kept?.sections.find((each: SectionRef) => each.kind === kind);
  const text = ref ? readKeptText(stateDir, ref.digest) : null;
  return text === null ? undefined : JSON.parse(text);
}

/** All of it as one document, for a controller that takes no offers. */
export function keptDocument(stateDir: string, { sections }: KeptIndex): Record<string, unknown> {
  return Object.fromEntries(
    sections.flatMap(({ kind, digest }) => {
      const text = readKeptText(stateDir, digest);
      return text === null ? [] : [[kind, JSON.parse(text)] as const];
    }),
  );
}

function removeOld(file: string, now: number): void {
  try {
    if (now - statSync(file).mtimeMs > REPLACED_KEPT_MS) rmSync(file);
  } catch {
    // Another look was faster.
  }
}
