import { readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { resolveBelow } from '../platform/server-path.ts';

/* Files of the server, read as they are: one that is not there, or may not be read, says nothing. */

export interface ServerFiles {
  /** The server's root directory. */
  root: string;
  /** Empty where it cannot be read. */
  text(path: string): string;
  /** Its first line, without blanks around it. */
  line(path: string): string;
  /** Sorted; none where it is no directory. */
  names(directory: string): string[];
  exists(path: string): boolean;
  /** Null where it is not there. */
  stat(path: string): { size: number; mtimeMs: number; isDirectory: boolean } | null;
  link(path: string): string | null;
}

/** Nobody's configuration is larger; what is, is no configuration. */
const MAX_BYTES = 4 * 1024 * 1024;

export function serverFiles(root: string): ServerFiles {
  const at = (path: string) => resolveBelow(root, path);
  const attempt = <T>(look: () => T, otherwise: T): T => {
    try {
      return look();
    } catch {
      return otherwise;
    }
  };
  const files: ServerFiles = {
    root,
    text: path =>
      attempt(() => {
        const found = statSync(at(path));
        return found.isFile() && found.size <= MAX_BYTES ? readFileSync(at(path), 'utf8') : '';
      }, ''),
    line: path => (files.text(path).split('\n')[0] ?? '').trim(),
    names: directory => attempt(() => readdirSync(at(directory)).sort(), []),
    exists: path => files.stat(path) !== null,
    stat: path =>
      attempt(() => {
        const found = statSync(at(path));
        return { size: found.size, mtimeMs: found.mtimeMs, isDirectory: found.isDirectory() };
      }, null),
    link: path => attempt(() => readlinkSync(at(path)), null),
  };
  return files;
}
