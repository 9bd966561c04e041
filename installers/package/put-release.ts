import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { CHECKSUMS, type ReleaseFile } from './checksums.ts';

export interface WrittenFile extends ReleaseFile {
  executable?: boolean;
}

/** Why a release must not take the place of what is there; null where it may: nothing is there, or an earlier release. */
export function mayBecomeRelease(directory: string): string | null {
  if (!existsSync(directory)) return null;
  const there = readdirSync(directory);
  if (there.length === 0 || there.includes(CHECKSUMS)) return null;
  return `${directory} holds other things (${there.slice(0, 3).join(', ')}) and no release: nothing there was touched. Name a directory of its own with --out`;
}

/** Written beside it and put in its place whole; an earlier release goes last. */
export function putRelease(directory: string, files: readonly WrittenFile[]): void {
  const problem = mayBecomeRelease(directory);
  if (problem !== null) throw new Error(problem);
  mkdirSync(dirname(directory), { recursive: true });
  const beside = mkdtempSync(join(dirname(directory), `.${basename(directory)}-`));
  const [fresh, old] = [join(beside, 'new'), join(beside, 'old')];
  mkdirSync(fresh);
  for (const { name, bytes, executable } of files)
    writeFileSync(join(fresh, name), bytes, { mode: executable ? 0o755 : 0o644 });
  if (existsSync(directory)) renameSync(directory, old);
  renameSync(fresh, directory);
  rmSync(beside, { recursive: true });
}
