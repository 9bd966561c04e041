/** The upper bits of a Unix mode (inode(7)). */
const TYPES = new Map([
  [0o100000, 'file'],
  [0o040000, 'directory'],
  [0o120000, 'symlink'],
  [0o060000, 'device'],
  [0o020000, 'device'],
  [0o010000, 'fifo'],
  [0o140000, 'socket'],
] as const);

/** What a mode with its type is of; null where it does not say. */
export const fileTypeOf = (mode: number) => TYPES.get((mode & 0o170000) as never) ?? null;
