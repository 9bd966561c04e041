import type { ServerFiles } from './server-files.ts';

/** So deep, and so many: what lies below a directory that somebody named is not always what they had in mind. */
const MAX_DEPTH = 12;
const MAX_ENTRIES = 50_000;

/** Server paths of files and directories below, links not followed into directories twice. `into` says where to go on. */
export function* walkBelow(
  files: ServerFiles,
  directory: string,
  into: (path: string, name: string) => boolean,
): Generator<{ path: string; name: string; isDirectory: boolean }> {
  let left = MAX_ENTRIES;
  const open: { path: string; depth: number }[] = [{ path: directory, depth: 0 }];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    for (const name of files.names(next.path)) {
      if (left-- <= 0) return;
      const path = `${next.path.replace(/\/$/, '')}/${name}`;
      const stat = files.stat(path);
      if (!stat) continue;
      yield { path, name, isDirectory: stat.isDirectory };
      const isLink = files.link(path) !== null;
      if (stat.isDirectory && !isLink && next.depth < MAX_DEPTH && into(path, name))
        open.push({ path, depth: next.depth + 1 });
    }
  }
}
