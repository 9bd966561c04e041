import { err, ok, type Result } from '../base/result.ts';

/*
 * What may be in a release archive (tar), decided entry by entry before a byte of it is written. The agent unpacks and
 * the controller harvests signatures by these same rules, so that both see one set of files in one archive.
 *
 * The top directory: where the first segment of the first entry is `<product>-<version>`, it is taken off every path,
 * and an entry beside it is refused. Where the first entry begins otherwise, nothing is taken off any.
 */

/** What a tar header says, in tar-stream's words. */
export interface ArchiveEntry {
  path: string;
  /** `file`, `directory`, `symlink`; everything else is refused by its name. */
  type: string;
  /** Of a link: where it points, as written. */
  linkTarget: string | null;
  sizeBytes: number;
  mode: number;
}

export interface EntryLimits {
  maxEntries: number;
  maxPathBytes: number;
  maxFileBytes: number;
  maxTotalBytes: number;
  /** Unpacked bytes for one byte of the archive, beyond {@link RATIO_FREE_BYTES}. */
  maxRatio: number;
  /** Size of the archive itself; null where it is not known (then only the absolute limits hold). */
  archiveBytes: number | null;
}

const MIB = 1024 * 1024;
const GIB = 1024 * MIB;

/** Below this nobody is hurt, and small archives of empty or repeated files compress by any factor. */
export const RATIO_FREE_BYTES = 64 * MIB;

/**
 * Room for the largest middleware releases (some 50,000 files, 10 GiB) several times over. gzip cannot do more than
 * 1:1032; real releases are at 1:2 to 1:20, so 1:200 is a bomb.
 */
export const DEFAULT_ENTRY_LIMITS: EntryLimits = {
  maxEntries: 500_000,
  /** Linux's PATH_MAX, less what the directory above takes. */
  maxPathBytes: 3072,
  maxFileBytes: 16 * GIB,
  maxTotalBytes: 64 * GIB,
  maxRatio: 200,
  archiveBytes: null,
};

/** Linux's NAME_MAX: a longer name cannot be made. */
const MAX_SEGMENT_BYTES = 255;

export type CheckedEntry =
  | { kind: 'file'; path: string; mode: number; sizeBytes: number }
  | { kind: 'directory'; path: string; mode: number }
  | { kind: 'symlink'; path: string; target: string };

export interface EntryRefusal {
  code: 'bad-path' | 'bad-kind' | 'bad-link' | 'duplicate' | 'outside-top' | 'too-many' | 'too-large' | 'ratio';
  /** Names the entry and what is wrong with it. */
  message: string;
}

/** What was taken of one archive until now; {@link checkEntry} adds to it. */
export interface EntriesSoFar {
  /** `<product>-<version>`: the name that a top directory must have to be taken off. */
  readonly topName: string | null;
  top: 'undecided' | 'stripped' | 'none';
  count: number;
  totalBytes: number;
  readonly kinds: Map<string, CheckedEntry['kind'] | 'implied'>;
}

/** For an archive of this release; without one nothing is taken off. */
export const noEntriesYet = (release: { product: string; version: string } | null): EntriesSoFar => ({
  topName: release ? `${release.product}-${release.version}` : null,
  top: release ? 'undecided' : 'none',
  count: 0,
  totalBytes: 0,
  kinds: new Map(),
});

/** All that an archive under these limits may unpack to, with headers and padding: for whoever reads the raw stream. */
export const maxUnpackedBytes = (limits: EntryLimits): number =>
  limits.archiveBytes === null
    ? limits.maxTotalBytes
    : Math.min(limits.maxTotalBytes, RATIO_FREE_BYTES + limits.maxRatio * limits.archiveBytes);

/**
 * What to make of the next entry: its path inside the release, or null where there is nothing to make (the top
 * itself). The error says why the whole archive is refused. Modes keep the nine permission bits alone: no release
 * makes a program that runs as somebody else.
 */
export function checkEntry(
  entry: ArchiveEntry,
  limits: EntryLimits,
  soFar: EntriesSoFar,
): Result<CheckedEntry | null, EntryRefusal> {
  soFar.count += 1;
  if (soFar.count > limits.maxEntries)
    return refuse('too-many', `the archive has more than ${limits.maxEntries} entries`);
  const shown = JSON.stringify(entry.path.slice(0, 200));
  const segments = segmentsOf(entry.path, limits);
  if (typeof segments === 'string') return refuse('bad-path', `the archive's entry ${shown} ${segments}`);
  const inside = belowTop(segments, soFar);
  if (!inside) {
    return refuse('outside-top', `the archive's entry ${shown} is outside of its top directory ${soFar.topName}/`);
  }
  const kind = kindOf(entry.type);
  if (!kind)
    return refuse(
      'bad-kind',
      `the archive's entry ${shown} is a ${nameOfType(entry.type)}; only files, directories and symbolic links are unpacked`,
    );
  if (inside.length === 0) {
    return kind === 'directory'
      ? ok(null)
      : refuse('bad-path', `the archive's entry ${shown} stands for the release itself and is no directory`);
  }
  const size = checkSize(entry, kind, limits, soFar);
  if (size) return refuse(size.code, `the archive's entry ${shown} ${size.message}`);
  const place = checkPlace(inside, kind, soFar);
  if (place) return refuse(place.code, `the archive's entry ${shown} ${place.message}`);
  const path = inside.join('/');
  soFar.kinds.set(path, kind);
  if (kind === 'file') {
    soFar.totalBytes += entry.sizeBytes;
    return ok({ kind, path, mode: entry.mode & 0o777, sizeBytes: entry.sizeBytes });
  }
  if (kind === 'directory') return ok({ kind, path, mode: entry.mode & 0o777 });
  const target = entry.linkTarget ?? '';
  const problem = badTarget(target, inside.length - 1, limits);
  if (problem) return refuse('bad-link', `the archive's link ${shown} ${problem}`);
  return ok({ kind, path, target });
}

/** The path's segments without `.` and empty ones, or what is wrong with it. */
function segmentsOf(path: string, limits: EntryLimits): string[] | string {
  if (path === '') return 'has no name';
  if (path.includes('\0')) return 'has a NUL in its name';
  if (path.includes('\uFFFD')) return 'has a name that is not UTF-8';
  if (path.startsWith('/')) return 'has an absolute path';
  if (Buffer.byteLength(path) > limits.maxPathBytes) return `has a path longer than ${limits.maxPathBytes} bytes`;
  const segments = path.split('/').filter(segment => segment !== '' && segment !== '.');
  if (segments.includes('..')) return 'has ".." in its path';
  if (segments.some(segment => Buffer.byteLength(segment) > MAX_SEGMENT_BYTES))
    return `has a name longer than ${MAX_SEGMENT_BYTES} bytes`;
  return segments;
}

/** The segments below the top directory; null where the entry lies beside it. */
function belowTop(segments: string[], soFar: EntriesSoFar): string[] | null {
  // `./` says nothing yet about what the first directory is called.
  if (segments.length === 0) return segments;
  if (soFar.top === 'undecided') soFar.top = segments[0] === soFar.topName ? 'stripped' : 'none';
  if (soFar.top === 'none') return segments;
  return segments[0] === soFar.topName ? segments.slice(1) : null;
}

const kindOf = (type: string): CheckedEntry['kind'] | null =>
  type === 'file' || type === 'directory' || type === 'symlink' ? type : null;

const TYPE_NAMES: Readonly<Record<string, string>> = {
  link: 'hard link',
  'character-device': 'character device',
  'block-device': 'block device',
  fifo: 'FIFO',
  'contiguous-file': 'contiguous file',
};

const nameOfType = (type: string): string => TYPE_NAMES[type] ?? `thing of type ${JSON.stringify(type)}`;

interface Problem {
  code: EntryRefusal['code'];
  message: string;
}

function checkSize(
  entry: ArchiveEntry,
  kind: CheckedEntry['kind'],
  limits: EntryLimits,
  soFar: EntriesSoFar,
): Problem | null {
  if (!Number.isSafeInteger(entry.sizeBytes) || entry.sizeBytes < 0)
    return { code: 'too-large', message: 'has no sound size' };
  if (kind !== 'file') {
    return entry.sizeBytes > 0 ? { code: 'bad-kind', message: `is a ${kind} and yet has content` } : null;
  }
  if (entry.sizeBytes > limits.maxFileBytes)
    return {
      code: 'too-large',
      message: `has ${entry.sizeBytes} bytes, more than the ${limits.maxFileBytes} that a file may have`,
    };
  const total = soFar.totalBytes + entry.sizeBytes;
  if (total > limits.maxTotalBytes)
    return { code: 'too-large', message: `makes it unpack to more than ${limits.maxTotalBytes} bytes` };
  if (total > maxUnpackedBytes(limits))
    return { code: 'ratio', message: `makes it unpack to more than ${limits.maxRatio} times its size` };
  return null;
}

/** A path is taken once, and everything above it is a directory: nothing is ever written through a link. */
function checkPlace(segments: string[], kind: CheckedEntry['kind'], soFar: EntriesSoFar): Problem | null {
  for (let length = 1; length < segments.length; length++) {
    const above = segments.slice(0, length).join('/');
    const known = soFar.kinds.get(above);
    if (known === 'file' || known === 'symlink')
      return { code: 'bad-path', message: `lies below ${JSON.stringify(above)}, which is a ${known}` };
    if (!known) soFar.kinds.set(above, 'implied');
  }
  const known = soFar.kinds.get(segments.join('/'));
  if (!known || (known === 'implied' && kind === 'directory')) return null;
  return { code: 'duplicate', message: 'is there twice' };
}

/**
 * What is wrong with a link's target, or null. `..` may stand only at its beginning: there it is taken from a place
 * whose parents are known to be directories; after a name it would be taken from wherever that name leads.
 */
function badTarget(target: string, depth: number, limits: EntryLimits): string | null {
  if (target === '') return 'points nowhere';
  if (target.includes('\0')) return 'has a NUL in its target';
  if (target.includes('\uFFFD')) return 'has a target that is not UTF-8';
  if (target.startsWith('/')) return `points to the absolute path ${JSON.stringify(target.slice(0, 200))}`;
  if (Buffer.byteLength(target) > limits.maxPathBytes) return `has a target longer than ${limits.maxPathBytes} bytes`;
  const segments = target.split('/').filter(segment => segment !== '' && segment !== '.');
  const firstName = segments.findIndex(segment => segment !== '..');
  const ups = firstName === -1 ? segments.length : firstName;
  if (ups > depth) return `points out of the release, to ${JSON.stringify(target.slice(0, 200))}`;
  if (segments.slice(ups).includes('..'))
    return `has ".." after a name in its target ${JSON.stringify(target.slice(0, 200))}`;
  return null;
}

const refuse = (code: EntryRefusal['code'], message: string) => err({ code, message });
