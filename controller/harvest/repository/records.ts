import { HarvestProblem, shown } from '../problem.ts';

/** A file that an index names. */
export interface IndexedFile {
  /** Below the directory of the index, or of the repository; checked by {@link repositoryPath}. */
  path: string;
  bytes: number;
  /** 64 hex digits. */
  sha256: string;
}

/** A package as an index names it; an rpm version without an epoch of zero. */
export interface IndexedPackage extends IndexedFile {
  product: string;
  version: string;
  architecture: string;
}

/** What stands at the top of a repository. Times are milliseconds since the epoch, null where it does not say. */
export interface RepositoryTop {
  /** What it calls itself, for people. */
  name: string;
  dated: number | null;
  validUntil: number | null;
  components: string[];
  architectures: string[];
  /** The lists of packages. */
  lists: IndexedFile[];
}

const MAX_PATH_BYTES = 1024;

/** A path below the repository, without `./`. Throws for one that leads out of it or is an address. */
export function repositoryPath(path: string, of: string): string {
  const segments = path.split('/').filter(segment => segment !== '' && segment !== '.');
  const wrong =
    path.length > MAX_PATH_BYTES
      ? `is longer than ${MAX_PATH_BYTES} bytes`
      : path.startsWith('/') || /^[a-z][a-z0-9+.-]*:/i.test(path)
        ? 'is absolute'
        : segments.includes('..')
          ? 'has ".." in it'
          : segments.length === 0 || /[\p{Cc}\\]/u.test(path)
            ? 'is none'
            : null;
  if (wrong) throw new HarvestProblem('bad-path', `${of} has the path ${shown(path)}, which ${wrong}`);
  return segments.join('/');
}

/** 64 hex digits, or a problem of the index. */
export function indexedDigest(text: string | undefined, of: string): string {
  if (text !== undefined && /^[0-9a-f]{64}$/.test(text)) return text;
  throw new HarvestProblem('not-sound', `${of} has ${shown(text ?? '')} where a SHA-256 should be`);
}

/** A length in bytes, or a problem of the index. */
export function indexedBytes(text: string | undefined, of: string): number {
  const bytes = Number(text);
  if (text !== undefined && /^\d{1,15}$/.test(text)) return bytes;
  throw new HarvestProblem('not-sound', `${of} has ${shown(text ?? '')} where its length should be`);
}
