import { Buffer } from 'node:buffer';
import { sha256 } from '@tidemark/shared/base/digest.ts';
import type { Entry } from '@tidemark/shared/fingerprint/entry.ts';
import type { Release, ReleaseFile } from './records.ts';
import type { FoundFile } from './verdicts.ts';

/* Releases and scans in a line each, for this folder's tests. No product code imports this. */

const META = Buffer.alloc(32, 1);

/** `-> x` is a link, `#!...` a program, `unstable` a file that changed while it was read, all else a file's content. */
export function entryOf(name: string, content: string): Entry {
  const at = { name: Buffer.from(name), meta: META };
  if (content === 'unstable') return { ...at, kind: 'unstable' };
  if (content === 'directory') return { ...at, kind: 'directory', node: META };
  if (content.startsWith('-> ')) return { ...at, kind: 'symlink', target: Buffer.from(content.slice(3)) };
  return {
    ...at,
    kind: 'file',
    executable: content.startsWith('#!'),
    keyed: false,
    size: content.length,
    digest: sha256(Buffer.from(content)),
    normalised: null,
  };
}

export const foundOf = (files: Record<string, string>, mode?: Record<string, number>): Map<string, FoundFile> =>
  new Map(
    Object.entries(files).map(([path, content]) => [
      path,
      {
        entry: entryOf(path.split('/').at(-1) ?? '', content),
        plane: 'software',
        meta: {
          mode: mode?.[path] ?? (content.startsWith('#!') ? 0o755 : 0o644),
          owner: 'root',
          group: 'root',
          attributes: new Map(),
        },
      },
    ]),
  );

export const releaseOf = (version: string, files: Record<string, string>, product = 'orders-db'): Release => ({
  product,
  version,
  files: new Map(
    Object.entries(files).map(([path, content]): [string, ReleaseFile] => {
      const isLink = content.startsWith('-> ');
      const bytes = Buffer.from(isLink ? content.slice(3) : content);
      return [
        path,
        {
          kind: isLink ? 'symlink' : 'file',
          digest: sha256(bytes),
          size: bytes.length,
          executable: content.startsWith('#!'),
        },
      ];
    }),
  ),
});

/** A home whose `current` is the first directory. */
export function homeOf(...directories: [string, Record<string, string>][]): Record<string, string> {
  const files: Record<string, string> = { releases: 'directory' };
  if (directories[0]) files['current'] = `-> releases/${directories[0][0]}`;
  for (const [directory, content] of directories) {
    files[`releases/${directory}`] = 'directory';
    for (const [path, text] of Object.entries(content)) files[`releases/${directory}/${path}`] = text;
  }
  return files;
}

/** 1.4.1 changes `bin/serve` and `lib/core.js`, adds `lib/new.js` and removes `lib/old.js`. */
export const OLD = {
  'bin/serve': '#!1.4.0',
  'lib/core.js': 'core 1.4.0',
  'lib/old.js': 'old',
  'lib/same.js': 'same',
  link: '-> lib',
};
export const NEW = {
  'bin/serve': '#!1.4.1',
  'lib/core.js': 'core 1.4.1',
  'lib/new.js': 'new',
  'lib/same.js': 'same',
  link: '-> lib',
};
export const RELEASES = [releaseOf('1.4.0', OLD), releaseOf('1.4.1', NEW)];
