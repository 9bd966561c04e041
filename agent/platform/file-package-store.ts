import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { digestOfFile } from './apt-files.ts';
import { OsPackageProblem } from './os-package.ts';
import { DOWNLOADS } from './os-package-space.ts';
import { resolveBelow } from './server-path.ts';

/*
 * Files of packages, each with the digest that it had when its manager had fetched it and found it to be what the
 * repository's signed lists say. Right before it is used it is compared with that, and with the order's word.
 */

const DIGEST = '.sha256';

export class FilePackageStore {
  private readonly root: string;

  constructor(root: string) {
    this.root = root;
  }

  /** Server path. */
  path(file: string): string {
    return `${DOWNLOADS}/${file}`;
  }

  async prepare(): Promise<void> {
    await mkdir(resolveBelow(this.root, DOWNLOADS), { recursive: true, mode: 0o755 });
  }

  has(file: string): boolean {
    return existsSync(this.here(file)) && existsSync(this.here(file + DIGEST));
  }

  names(): string[] {
    try {
      return readdirSync(resolveBelow(this.root, DOWNLOADS)).filter(name => this.has(name));
    } catch {
      return [];
    }
  }

  /** Takes down what a file is that has just been fetched. Throws `unavailable` where it is not there. */
  async took(file: string): Promise<void> {
    const digest = await digestOfFile(this.here(file));
    if (digest === null)
      throw new OsPackageProblem('unavailable', `${file} was not downloaded; refresh the lists and try again`);
    writeFileSync(this.here(file + DIGEST), digest);
  }

  /** Throws `wrong-digest`, and forgets the file, where it is not what it was or not what the order says. */
  async verify(file: string, name: string, ordered: string | null): Promise<void> {
    const found = await digestOfFile(this.here(file));
    const fetched = readFileSync(this.here(file + DIGEST), 'utf8').trim();
    const expected = ordered?.slice('sha256:'.length) ?? fetched;
    if (found === expected) return;
    await this.forget(file);
    const what =
      found === fetched
        ? `the repository sent ${name} with SHA-256 ${found}, and ${expected} is expected: it is not the package that was approved`
        : `${name} has SHA-256 ${found} and not ${expected} any more: it is not the package that was approved, somebody has changed ${this.path(file)}`;
    throw new OsPackageProblem('wrong-digest', `${what}; nothing was changed; find out which of the two is right`, {
      package: name,
      expected,
      found,
    });
  }

  /** Makes room: all files but these go. */
  async keepOnly(files: readonly string[]): Promise<void> {
    const kept = new Set(files);
    for (const name of this.names()) if (!kept.has(name)) await this.forget(name);
  }

  private async forget(file: string): Promise<void> {
    for (const each of [file, file + DIGEST]) await rm(this.here(each), { force: true });
  }

  private here(file: string): string {
    return join(resolveBelow(this.root, DOWNLOADS), file);
  }
}
