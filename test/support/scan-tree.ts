import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { ScanProfile } from '@tidemark/shared/fingerprint/profile.ts';

/** A server's files in the temporary directory. Values are contents; `-> x` makes a link, `#!...` a program. */
export interface ServerTree {
  root: string;
  write(path: string, content: string): void;
  remove(path: string): void;
  /** A directory beside the tree, for scans. */
  directory(name: string): string;
  destroy(): void;
}

export function serverTree(files: Record<string, string>): ServerTree {
  const base = mkdtempSync(join(tmpdir(), 'tm-tree-'));
  const root = join(base, 'root');
  mkdirSync(root);
  const write = (path: string, content: string) => {
    const file = join(root, path);
    mkdirSync(dirname(file), { recursive: true });
    rmSync(file, { force: true });
    if (content.startsWith('-> ')) symlinkSync(content.slice(3), file);
    else writeFileSync(file, content);
    if (content.startsWith('#!')) chmodSync(file, 0o755);
  };
  for (const [path, content] of Object.entries(files)) write(path, content);
  return {
    root,
    write,
    remove: path => rmSync(join(root, path), { recursive: true }),
    directory: name => join(base, name),
    destroy: () => rmSync(base, { recursive: true, force: true }),
  };
}

/** Scans `/opt` as software and `/etc/app` as configuration. */
export const APPLICATION_PROFILE: ScanProfile = {
  name: 'applications',
  version: 1,
  roots: [
    { path: '/opt', plane: 'software' },
    { path: '/etc/app', plane: 'config' },
  ],
  ignore: ['/opt/*/logs'],
  expect: [{ path: '/etc/app/host.conf', how: 'free', reason: 'holds the name of the host' }],
};
