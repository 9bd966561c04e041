import { sha256 } from '@tidemark/shared/base/digest.ts';
import { isUtf8, joinPath, pathText } from '@tidemark/shared/fingerprint/path.ts';
import { type OpenDirectory, openDirectory, openNamedDirectory, type Reach } from './directory.ts';
import { createInspector, type Found, type Inspect, isGone, reasonOf } from './inspect.ts';

/** One line of `tidemark-agent scan DIR -o jsonl`: one object a file, directories are not listed. */
export interface FileLine {
  /** DIR as it was given, and the path below it. Verbatim where it is UTF-8, else escaped as path.ts says. */
  path: string;
  /** Only there, and true, where `path` is escaped: `\xHH` for a byte that is not UTF-8 or hidden, `\\` for `\`. */
  escaped?: true;
  kind: 'file' | 'symlink' | 'block' | 'character' | 'fifo' | 'socket' | 'unstable' | 'unreadable' | 'skipped';
  /** SHA-256 in hex: of the content, or of a link's target; null where there is nothing to read. */
  sha256: string | null;
  size: number | null;
  /** Permission bits in octal, as `0644`; null where it could not be seen. */
  mode: string | null;
  /** Why there is no digest. */
  reason?: string;
}

/**
 * Lists all that is below a directory and is no directory itself, in the order of names, without following links or
 * leaving the file system. Throws where `directory` is none.
 */
export function* listFiles(directory: string): Generator<FileLine> {
  const opened = openNamedDirectory(directory);
  const base = directory.replace(/(?<=.)\/+$/, '');
  yield* listDirectory(opened, Buffer.from(base), createInspector());
}

function* listDirectory(directory: OpenDirectory, path: Buffer, inspect: Inspect): Generator<FileLine> {
  try {
    for (const name of directory.names()) {
      const found = inspect(directory.at(name));
      const at = joinPath(path, Buffer.from(name, 'latin1'));
      if (found.kind === 'gone') continue;
      if (found.kind !== 'directory') yield fileLine(at, found);
      else if (found.stat.dev !== directory.stat.dev) yield unseen(at, 'skipped', 'another file system');
      else yield* enter(directory.at(name), at, inspect);
    }
  } finally {
    directory.close();
  }
}

function* enter(reach: Reach, path: Buffer, inspect: Inspect): Generator<FileLine> {
  let directory: OpenDirectory;
  try {
    directory = openDirectory(reach);
  } catch (error) {
    if (!isGone(error)) yield unseen(path, 'unreadable', `directory: ${reasonOf(error)}`);
    return;
  }
  yield* listDirectory(directory, path, inspect);
}

const named = (path: Buffer): Pick<FileLine, 'path' | 'escaped'> =>
  isUtf8(path) ? { path: path.toString('utf8') } : { path: pathText(path), escaped: true };

const unseen = (path: Buffer, kind: FileLine['kind'], reason: string): FileLine => ({
  ...named(path),
  kind,
  sha256: null,
  size: null,
  mode: null,
  reason,
});

function fileLine(path: Buffer, found: Exclude<Found, { kind: 'gone' | 'directory' }>): FileLine {
  if (found.kind === 'unreadable') {
    return { ...unseen(path, 'unreadable', `${found.of}: ${found.reason}`), mode: octal(found.stat?.mode) };
  }
  const line = { ...named(path), mode: octal(found.stat.mode) };
  switch (found.kind) {
    case 'file':
      return { ...line, kind: 'file', sha256: found.file.digest.toString('hex'), size: found.file.size };
    case 'symlink':
      return { ...line, kind: 'symlink', sha256: sha256(found.target).toString('hex'), size: found.target.length };
    case 'device':
      return { ...line, kind: found.type, sha256: null, size: null };
    case 'unstable':
      return { ...line, kind: 'unstable', sha256: null, size: null, reason: 'changed whenever it was read' };
    default:
      return { ...line, kind: found.kind, sha256: null, size: null };
  }
}

const octal = (mode: bigint | undefined): string | null =>
  mode === undefined ? null : (mode & 0o7777n).toString(8).padStart(4, '0');
