import { closeSync, openSync, readdirSync, readFileSync, readlinkSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { controlGroupOf, unitOfControlGroup } from './systemd-cgroup.ts';

/** A process that runs code of files that are not there any more: they were replaced or removed under it. */
export interface StaleProcess {
  pid: number;
  name: string;
  /** The unit of systemd that it belongs to; null where there is none. */
  unit: string | null;
  /** At most {@link MAX_FILES}. */
  files: string[];
}

export interface StaleCode {
  /** At most {@link MAX_STALE}, by pid; `total` counts all. */
  processes: StaleProcess[];
  total: number;
  /** Processes that this user may not look into. */
  unreadable: number;
}

const MAX_FILES = 10;
const MAX_STALE = 200;
/** A line is some 100 bytes, and 65,530 mappings are the kernel's default for one process (vm.max_map_count). */
const MAX_MAPS_BYTES = 8 * 1024 * 1024;
const CHUNK_BYTES = 256 * 1024;
/** After so many processes the event loop has its turn. */
const PROCESSES_AT_ONCE = 50;

export function findStaleCode(ignored: (path: string) => boolean, proc = '/proc'): Promise<StaleCode> {
  return findProcesses(line => {
    const path = replacedFile(line);
    return path === null || ignored(path) ? null : path;
  }, proc);
}

/** Processes that run code of, or have in memory, one of these files: paths without links in them. */
export function findUsers(files: ReadonlySet<string>, proc = '/proc'): Promise<StaleCode> {
  return findProcesses(line => {
    const path = MAPPED.exec(line)?.[1];
    return path !== undefined && files.has(path) ? path : null;
  }, proc);
}

/**
 * Looks through all processes of this server for those with a mapping that `pick` gives a path for. Those of containers
 * (another pid namespace) are not its own: what they map lies in another file system.
 */
async function findProcesses(pick: (line: string) => string | null, proc: string): Promise<StaleCode> {
  const found: StaleCode = { processes: [], total: 0, unreadable: 0 };
  const home = namespaceOf(proc, 'self');
  const pids = readdirSync(proc)
    .filter(name => /^\d+$/.test(name))
    .map(Number);
  for (const [index, pid] of pids.sort((a, b) => a - b).entries()) {
    if (index % PROCESSES_AT_ONCE === 0) await new Promise<void>(resolve => setImmediate(resolve));
    // Before its maps are read: a host of containers has thousands of processes that are not its own.
    const namespace = namespaceOf(proc, pid);
    if (namespace !== '' && namespace !== home) continue;
    const files = readMaps(join(proc, String(pid), 'maps'), pick);
    if (files === 'unreadable') found.unreadable += 1;
    if (files === null || files === 'unreadable' || namespace === '') continue;
    if (files.length === 0) continue;
    found.total += 1;
    if (found.processes.length >= MAX_STALE) continue;
    const group = proc === '/proc' ? controlGroupOf(pid) : null;
    found.processes.push({
      pid,
      name: nameOf(proc, pid),
      unit: group === null ? null : unitOfControlGroup(group),
      files: files.slice(0, MAX_FILES),
    });
  }
  return found;
}

/** `null` where it has ended or is one of the kernel's. */
function readMaps(file: string, pick: (line: string) => string | null): string[] | 'unreadable' | null {
  let handle: number;
  try {
    handle = openSync(file, 'r');
  } catch (error) {
    return isDenied(error) ? 'unreadable' : null;
  }
  const files = new Set<string>();
  try {
    const buffer = Buffer.allocUnsafe(CHUNK_BYTES);
    let rest = '';
    for (let size = 0; size < MAX_MAPS_BYTES; ) {
      const length = readSync(handle, buffer);
      if (length === 0) break;
      size += length;
      const lines = (rest + buffer.toString('latin1', 0, length)).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) {
        const path = pick(line);
        if (path !== null) files.add(path);
      }
    }
  } catch (error) {
    if (isDenied(error)) return 'unreadable';
  } finally {
    closeSync(handle);
  }
  return [...files];
}

/** proc(5): address, permissions, offset, device, inode, then the path; a file that has no name any more has a mark. */
const DELETED = /^\S+ (\S{4}) \S+ \S+ \d+\s+(\/.*) \(deleted\)$/;
const MAPPED = /^\S+ \S{4} \S+ \S+ \d+\s+(\/.*)$/;
const CODE = /\.(so(\.[\w.-]+)?|jar)$/;
/** Memory that has a name, and what programs make for themselves: nothing that a package brought. */
const NOT_INSTALLED = /^\/(?:[^/]*$|memfd:|dev\/|proc\/|run\/|tmp\/|var\/tmp\/|SYSV)/;
/** Names that dpkg and rpm give a file while they put it in its place. */
const IN_PLACE_OF = /(\.dpkg-(new|tmp)|;[0-9a-f]{8})$/;

function replacedFile(line: string): string | null {
  const [, permissions = '', path = ''] = DELETED.exec(line) ?? [];
  if (path === '' || NOT_INSTALLED.test(path)) return null;
  const name = Buffer.from(path, 'latin1').toString('utf8').replace(IN_PLACE_OF, '');
  return permissions.includes('x') || CODE.test(name) ? name : null;
}

function namespaceOf(proc: string, pid: number | 'self'): string {
  try {
    return readlinkSync(join(proc, String(pid), 'ns/pid'));
  } catch {
    return '';
  }
}

function nameOf(proc: string, pid: number): string {
  try {
    return readFileSync(join(proc, String(pid), 'comm'), 'utf8').trim();
  } catch {
    return '';
  }
}

const isDenied = (error: unknown): boolean => ['EACCES', 'EPERM'].includes((error as NodeJS.ErrnoException).code ?? '');

/** `nginx.service (nginx 812, nginx 813): /usr/lib/libssl.so.3`, one for each unit, for messages. */
export function describeStale({ processes, total }: StaleCode): string[] {
  const byUnit = Map.groupBy(processes, ({ unit, name, pid }) => unit ?? `${name} ${pid}`);
  const said = [...byUnit].map(([owner, members]) => {
    const files = [...new Set(members.flatMap(member => member.files))];
    const who = members[0]?.unit ? ` (${listed(members.map(({ name, pid }) => `${name} ${pid}`))})` : '';
    return `${owner}${who}: ${listed(files)}`;
  });
  const more = total - processes.length;
  return more > 0 ? [...said, `and ${more} more processes`] : said;
}

const SHOWN = 3;
const listed = (words: readonly string[]): string =>
  `${words.slice(0, SHOWN).join(', ')}${words.length > SHOWN ? ` and ${words.length - SHOWN} more` : ''}`;
