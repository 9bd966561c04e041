import { posix } from 'node:path';
import { emptyCoverage, listPath } from '@tidemark/shared/fingerprint/counting.ts';
import type { Coverage } from '@tidemark/shared/fingerprint/coverage.ts';
import type { UnreadableReason } from '@tidemark/shared/fingerprint/entry.ts';
import { pathText } from '@tidemark/shared/fingerprint/path.ts';
import type { ScanProfile } from '@tidemark/shared/fingerprint/profile.ts';
import { RECORD_KINDS } from './cache-block.ts';
import type { Found } from './inspect.ts';
import { type RootPlace, rootsAt } from './roots.ts';
import type { Rules } from './rules.ts';

/** Counts what one thread of a scan saw, and what it did not. Paths are bytes as latin1. */
export class Counter {
  readonly #rules: Rules;
  readonly #coverage = emptyCoverage();
  #read = 0;
  #secrets = 0;

  readonly #roots: readonly string[];

  constructor(profile: ScanProfile, rules: Rules) {
    this.#rules = rules;
    this.#roots = profile.roots.map(({ path }) => Buffer.from(path).toString('latin1'));
  }

  coverage(): Coverage {
    const limits = this.#secrets > 0 ? [`${this.#secrets} secrets have no digest: this host has no key for them`] : [];
    return { ...this.#coverage, ignored: this.#rules.ignored(), limits };
  }

  /** Files so far, and bytes that were read for them. */
  progress(): { files: number; bytesRead: number } {
    return { files: this.#coverage.files, bytesRead: this.#read };
  }

  directory(): void {
    this.#coverage.directories += 1;
  }

  file(size: number, isFirstName: boolean, wasRead: boolean): void {
    this.#coverage.files += 1;
    if (isFirstName) this.#coverage.bytes += size;
    else this.#coverage.hardLinks += 1;
    if (wasRead && isFirstName) this.#read += size;
  }

  /** What an earlier scan knows and is no file, by the kind of its record. */
  known(kind: number): void {
    if (kind === RECORD_KINDS.symlink) this.#coverage.symlinks += 1;
    else this.#coverage.special += 1;
  }

  found(found: Exclude<Found, { kind: 'directory' | 'gone' }>, path: string): void {
    switch (found.kind) {
      case 'file':
        this.file(found.file.size, found.isFirstName, true);
        return;
      case 'symlink':
        this.#coverage.symlinks += 1;
        return;
      case 'unstable':
        listPath(this.#coverage.unstable, text(path));
        return;
      case 'unreadable':
        listPath(this.#coverage.unreadable, text(path));
        return;
      default:
        this.#coverage.special += 1;
    }
  }

  skipped(path: string): void {
    listPath(this.#coverage.skipped, text(path));
  }

  /** A directory could be opened, and its names not be read. */
  unlisted(path: string, reason: UnreadableReason): void {
    listPath(this.#coverage.unreadable, `${text(path)} (${reason})`);
  }

  secretWithoutKey(path: string): void {
    this.#secrets += 1;
    this.skipped(path);
  }

  /** `/bin` that leads to `/usr/bin`: what is behind the link is seen where it lies. */
  #isScanned(target: Buffer, path: string): boolean {
    const to = `${targetOf(target, path)}/`;
    return this.#roots.some(root => root !== path && to.startsWith(root === '/' ? root : `${root}/`));
  }

  /** Roots at or below something that is no directory cannot be scanned as such; nobody should take them for empty. */
  missing(place: RootPlace, found: Exclude<Found, { kind: 'directory' }>, path: string): void {
    const at = text(path);
    for (const root of rootsAt(place)) {
      const isHere = root === place.root;
      if (isHere && found.kind !== 'gone' && found.kind !== 'unreadable') {
        if (found.kind !== 'symlink' || this.#isScanned(found.target, path)) continue;
        this.#coverage.missingRoots.push({ path: root.path, reason: `${at} is a link, which a scan does not follow` });
        continue;
      }
      const reason = found.kind === 'gone' ? `${at} does not exist` : `${at} is ${described(found)}`;
      this.#coverage.missingRoots.push({ path: root.path, reason });
    }
  }
}

/** Where a link leads, taken from its own directory. Paths are bytes as latin1. */
const targetOf = (target: Buffer, path: string): string =>
  posix.resolve(posix.dirname(path), target.toString('latin1'));

const text = (path: string): string => pathText(Buffer.from(path, 'latin1'));

function described(found: Exclude<Found, { kind: 'directory' }>): string {
  if (found.kind === 'unreadable') return `unreadable (${found.reason})`;
  return found.kind === 'symlink' ? 'a link, which a scan does not follow' : `no directory but a ${found.kind}`;
}
