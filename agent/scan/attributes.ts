import { spawn, spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { closeSync, existsSync, openSync, readSync, unlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ATTRIBUTES_NOT_READ } from '@tidemark/shared/fingerprint/counting.ts';
import { type AttributeSet, AttributeTable, type AttributeTableMemory } from './attribute-table.ts';
import type { Owners } from './owners.ts';

/** Others are caches of the system or signatures of single files, and would make every file an object of its own. */
const WANTED = '^(security\\.(capability|selinux|SMACK64)|system\\.posix_acl_(access|default))$';
const ACLS = /^system\.posix_acl_/;
/** So many different ones are no labels of a system, but a file system in which each file has its own. */
const MAX_SETS = 100_000;
const PLACES = ['/usr/bin/getfattr', '/bin/getfattr', '/usr/local/bin/getfattr'];
const HOW = ['-P', '-h', '-d', '-e', 'hex', '--absolute-names', '-m', WANTED] as const;
const RECURSIVE = ['-R', '--one-file-system', ...HOW, '--'];
const ENVIRONMENT = { LANG: 'C', PATH: '/usr/bin:/bin' };

/** The program that reads attributes, or null where none is installed. */
export const attributesProgram = (): string | null => PLACES.find(place => existsSync(place)) ?? null;

export const NO_PROGRAM = `${ATTRIBUTES_NOT_READ}: getfattr is not installed (package attr)`;

export interface ReadAttributes {
  /** Null where nothing has any. */
  table: AttributeTableMemory | null;
  /** What could not be read, for the coverage. */
  limits: string[];
}

/**
 * Asks `getfattr`, once for all roots. Follows no link and leaves no file system. Where it fails, the limits say so: a
 * comparison with a host where it works would show differences that are none.
 */
export async function readAttributes(
  program: string | null,
  root: string,
  roots: readonly string[],
  owners: Owners,
  signal?: AbortSignal,
): Promise<ReadAttributes> {
  if (!program) return nothing(NO_PROGRAM);
  const base = root.replace(/\/+$/, '');
  const there = roots.map(path => join(base, path)).filter(path => existsSync(path));
  if (there.length === 0) return { table: null, limits: [] };
  const table = new AttributeTable();
  const reader = tableReader(table, base, owners);
  const problem = await run(program, [...RECURSIVE, ...there], text => reader.take(text), signal);
  if (problem) return nothing(`${ATTRIBUTES_NOT_READ}: ${problem}`);
  if (table.sets > MAX_SETS) return nothing(`${ATTRIBUTES_NOT_READ}: files have more than ${MAX_SETS} different ones`);
  return { table: table.memory(), limits: [] };
}

/** The same by a thread that waits for it. Throws where the program fails. */
export function readAttributesSync(
  program: string,
  root: string,
  roots: readonly string[],
  owners: Owners,
): AttributeTableMemory | null {
  const base = root.replace(/\/+$/, '');
  const there = roots.map(path => join(base, path)).filter(path => existsSync(path));
  if (there.length === 0) return null;
  const table = new AttributeTable();
  const reader = tableReader(table, base, owners);
  const output = temporaryFile();
  try {
    const { stderr, status, error } = spawnSync(program, [...RECURSIVE, ...there], {
      env: ENVIRONMENT,
      stdio: ['ignore', output, 'pipe'],
    });
    if (error) throw error;
    const complaint = complaintOf(status, stderr.toString('latin1'));
    if (complaint) throw new Error(complaint);
    const piece = Buffer.allocUnsafeSlow(PIECE_BYTES);
    for (let at = 0; ; ) {
      const count = readSync(output, piece, 0, PIECE_BYTES, at);
      if (count === 0) return table.memory();
      reader.take(piece.toString('latin1', 0, count));
      at += count;
    }
  } finally {
    closeSync(output);
  }
}

/** Paths of the server below `base`, as a walk writes them: getfattr writes `//bin` for what lies in the root `/`. */
function tableReader(table: AttributeTable, base: string, owners: Owners): Reader {
  const prefix = Buffer.from(base).toString('latin1').length;
  const walked = (path: string) => `/${path.slice(prefix).split('/').filter(Boolean).join('/')}`;
  return new Reader(owners, (path, set) => table.add(walked(path), set));
}

/** Has no name any more: it is gone when it is closed. */
function temporaryFile(): number {
  const path = join(tmpdir(), `tidemark-attributes-${randomUUID()}`);
  const descriptor = openSync(path, 'wx+', 0o600);
  unlinkSync(path);
  return descriptor;
}

const nothing = (limit: string): ReadAttributes => ({ table: null, limits: [limit] });

const PIECE_BYTES = 256 * 1024;
/** Of {@link MAX_ASKED} names with labels and lists. */
const MAX_OUTPUT_BYTES = 64 * 1024 * 1024;

/** Fewer than what fits a command line, with names of 255 bytes. */
const MAX_ASKED = 2_000;

/**
 * The attributes of names in an open directory (bytes as latin1; `.` is the directory itself), asked at once. Nothing is
 * said of what vanished meanwhile. Throws where the program fails.
 */
export function askAttributes(
  program: string,
  directory: number,
  names: readonly string[],
  owners: Owners,
): Map<string, AttributeSet> {
  const found = new Map<string, AttributeSet>();
  // Its third descriptor is the directory, so that no path can lead it elsewhere.
  const below = '/proc/self/fd/3/';
  for (let from = 0; from < names.length; from += MAX_ASKED) {
    const reader = new Reader(owners, (path, set) => void found.set(path.slice(below.length), set));
    const paths = names.slice(from, from + MAX_ASKED).map(name => below + name);
    const { stdout, stderr, status, error } = spawnSync('/usr/bin/xargs', ['-0', program, ...HOW, '--'], {
      input: Buffer.from(`${paths.join('\0')}\0`, 'latin1'),
      stdio: ['pipe', 'pipe', 'pipe', directory],
      env: ENVIRONMENT,
      maxBuffer: MAX_OUTPUT_BYTES,
    });
    if (error) throw error;
    const complaint = complaintOf(status, stderr.toString('latin1'));
    if (complaint) throw new Error(complaint);
    reader.take(stdout.toString('latin1'));
  }
  return found;
}

/** Null where it went well. Files that vanish meanwhile are no failure, but make it end with status 1 (of xargs: 123). */
function complaintOf(status: number | null, complaint: string): string | null {
  const isUnusable = status === null || (status > 1 && status !== 123) || /unrecognized option|Usage:/.test(complaint);
  return isUnusable ? `getfattr: ${complaint.split('\n')[0] || `ended with ${status}`}` : null;
}

function run(program: string, args: string[], take: (text: string) => void, signal?: AbortSignal) {
  return new Promise<string | null>(resolve => {
    const child = spawn(program, args, {
      env: ENVIRONMENT,
      stdio: ['ignore', 'pipe', 'pipe'],
      ...(signal ? { signal } : {}),
    });
    let complaint = '';
    child.stdout.setEncoding('latin1').on('data', take);
    child.stderr.setEncoding('latin1').on('data', (text: string) => {
      if (complaint.length < 1_000) complaint += text;
    });
    child.once('error', error => resolve(error.message));
    child.once('close', status => resolve(complaintOf(status, complaint)));
  });
}

/** Reads what getfattr writes: a line `# file: PATH`, lines `NAME=0xHEX`, an empty line. */
class Reader {
  readonly #owners: Owners;
  readonly #found: (path: string, set: AttributeSet) => void;
  /** Many files have the same. */
  readonly #shared = new Map<string, AttributeSet>();
  #rest = '';
  #path = '';
  #lines: string[] = [];

  constructor(owners: Owners, found: (path: string, set: AttributeSet) => void) {
    this.#owners = owners;
    this.#found = found;
  }

  take(text: string): void {
    const lines = (this.#rest + text).split('\n');
    this.#rest = lines.pop() ?? '';
    for (const line of lines) this.#line(line);
  }

  #line(line: string): void {
    if (line.startsWith('# file: ')) {
      this.#path = unquoted(line.slice('# file: '.length));
      this.#lines = [];
    } else if (line !== '') {
      this.#lines.push(line);
    } else if (this.#lines.length > 0) {
      const key = this.#lines.join('\n');
      const known = this.#shared.get(key) ?? attributesIn(this.#lines, this.#owners);
      if (this.#shared.size <= MAX_SETS) this.#shared.set(key, known);
      this.#found(this.#path, known);
    }
  }
}

/** getfattr writes newlines and backslashes in names as three octal digits. */
const unquoted = (name: string): string =>
  name.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));

function attributesIn(lines: readonly string[], owners: Owners): Map<string, Buffer> {
  const attributes = new Map<string, Buffer>();
  for (const line of [...lines].sort()) {
    const [name = '', value = ''] = line.split('=0x');
    const bytes = Buffer.from(value, 'hex');
    attributes.set(name, ACLS.test(name) ? Buffer.from(accessList(bytes, owners)) : bytes);
  }
  return attributes;
}

const TAGS: ReadonlyMap<number, string> = new Map([
  [0x01, 'user:'],
  [0x02, 'user:'],
  [0x04, 'group:'],
  [0x08, 'group:'],
  [0x10, 'mask:'],
  [0x20, 'other:'],
]);
const NAMED_USER = 0x02;
const NAMED_GROUP = 0x08;

/** An access list as getfacl(1) shows it, with names in place of numbers, which differ between servers. */
function accessList(bytes: Buffer, owners: Owners): string {
  const HEAD_BYTES = 4;
  const ENTRY_BYTES = 8;
  const lines: string[] = [];
  for (let at = HEAD_BYTES; at + ENTRY_BYTES <= bytes.length; at += ENTRY_BYTES) {
    const tag = bytes.readUInt16LE(at);
    const bits = bytes.readUInt16LE(at + 2);
    const id = BigInt(bytes.readUInt32LE(at + 4));
    const name = tag === NAMED_USER ? owners.user(id) : tag === NAMED_GROUP ? owners.group(id) : '';
    const rights = [4, 2, 1].map((bit, place) => (bits & bit ? 'rwx'[place] : '-')).join('');
    lines.push(`${TAGS.get(tag) ?? `#${tag}:`}${name}:${rights}`);
  }
  return lines.sort().join('\n');
}
