/** A mounted file system. */
export interface Mount {
  /** Where it is mounted. */
  at: string;
  /** `/dev/mapper/vg-data` */
  source: string;
  type: string;
  /** As `mount -o` takes them. */
  options: string;
}

/** Reads the text of `/proc/self/mountinfo` (proc(5)), which writes blanks and backslashes as octal numbers. */
export function mountsIn(mountinfo: string): Mount[] {
  return mountinfo.split('\n').flatMap(line => {
    const [own = '', other = ''] = line.split(' - ');
    const [, , , , at = '', options = ''] = own.split(' ');
    const [type = '', source = ''] = other.split(' ');
    return at === '' ? [] : [{ at: unescaped(at), source: unescaped(source), type, options }];
  });
}

/** The one that a path lies on: of those that lie above each other in one place, the last. */
export function mountOf(path: string, mounts: readonly Mount[]): Mount {
  const above = mounts.filter(({ at }) => at === '/' || path === at || path.startsWith(`${at}/`));
  const longest = Math.max(0, ...above.map(({ at }) => at.length));
  return above.findLast(({ at }) => at.length === longest) ?? { at: '/', source: '', type: '', options: '' };
}

const unescaped = (text: string): string =>
  text.replace(/\\(\d{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
