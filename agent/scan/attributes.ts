import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Owners } from './owners.ts';

/** What file systems keep about files beside mode and owner: capabilities, access lists, labels. */
export interface Attributes {
  /** Of what stands at this path (bytes as latin1), by name; null for none. */
  of(path: string): ReadonlyMap<string, Buffer> | null;
}

export const NO_ATTRIBUTES: Attributes = { of: () => null };

export interface ReadAttributes {
  byPath: Map<string, Map<string, Buffer>>;
  /** What could not be read, for the coverage. */
  limits: string[];
}

/** Others are caches of the system or signatures of single files, and would make every file an object of its own. */
const WANTED = '^(security\\.(capability|selinux|SMACK64)|system\\.posix_acl_(access|default))$';
const ACLS = /^system\.posix_acl_/;
/** Where every file has a label, those would take more memory than the scan. */
const MAX_PATHS = 200_000;
const PLACES = ['/usr/bin/getfattr', '/bin/getfattr', '/usr/local/bin/getfattr'];
const NOT_READ = 'capabilities, ACLs and labels were not read';

/**
 * Asks `getfattr`, once for all roots. Follows no link and leaves no file system. Where it is not installed, or fails,
 * the limits say so: a comparison with a host where it works would show differences that are none.
 */
export async function readAttributes(
  root: string,
  roots: readonly string[],
  owners: Owners,
  signal?: AbortSignal,
): Promise<ReadAttributes> {
  const program = PLACES.find(place => existsSync(place));
  if (!program) return nothing(`${NOT_READ}: getfattr is not installed (package attr)`);
  const base = root.replace(/\/+$/, '');
  const there = roots.map(path => join(base, path)).filter(path => existsSync(path));
  if (there.length === 0) return { byPath: new Map(), limits: [] };
  const reader = new Reader(Buffer.from(base).toString('latin1'), owners);
  const options = ['-R', '-P', '-h', '-d', '-e', 'hex', '--absolute-names', '--one-file-system', '-m', WANTED, '--'];
  const problem = await run(program, [...options, ...there], text => reader.take(text), signal);
  if (problem) return nothing(`${NOT_READ}: ${problem}`);
  const { byPath } = reader;
  if (byPath.size <= MAX_PATHS) return { byPath, limits: [] };
  return nothing(`${NOT_READ}: more than ${MAX_PATHS} files have some`);
}

const nothing = (limit: string): ReadAttributes => ({ byPath: new Map(), limits: [limit] });

/** Null where it went well. Files that vanish meanwhile are no failure, but make it end with status 1. */
function run(program: string, args: string[], take: (text: string) => void, signal?: AbortSignal) {
  return new Promise<string | null>(resolve => {
    const child = spawn(program, args, {
      env: { LANG: 'C', PATH: '/usr/bin:/bin' },
      stdio: ['ignore', 'pipe', 'pipe'],
      ...(signal ? { signal } : {}),
    });
    let complaint = '';
    child.stdout.setEncoding('latin1').on('data', take);
    child.stderr.setEncoding('latin1').on('data', (text: string) => {
      if (complaint.length < 1_000) complaint += text;
    });
    child.once('error', error => resolve(error.message));
    child.once('close', status => {
      const isUnusable = status === null || status > 1 || /unrecognized option|Usage:/.test(complaint);
      resolve(isUnusable ? `getfattr: ${complaint.split('\n')[0] || `ended with ${status}`}` : null);
    });
  });
}

/** Reads what getfattr writes: a line `# file: PATH`, lines `NAME=0xHEX`, an empty line. */
class Reader {
  readonly byPath = new Map<string, Map<string, Buffer>>();
  readonly #base: string;
  readonly #owners: Owners;
  /** Many files have the same. */
  readonly #shared = new Map<string, Map<string, Buffer>>();
  #rest = '';
  #path = '';
  #lines: string[] = [];

  constructor(base: string, owners: Owners) {
    this.#base = base;
    this.#owners = owners;
  }

  take(text: string): void {
    const lines = (this.#rest + text).split('\n');
    this.#rest = lines.pop() ?? '';
    for (const line of lines) this.#line(line);
  }

  #line(line: string): void {
    if (line.startsWith('# file: ')) {
      this.#path = unquoted(line.slice('# file: '.length)).slice(this.#base.length);
      this.#lines = [];
    } else if (line !== '') {
      this.#lines.push(line);
    } else if (this.#lines.length > 0 && this.byPath.size <= MAX_PATHS) {
      const key = this.#lines.join('\n');
      const known = this.#shared.get(key) ?? attributesIn(this.#lines, this.#owners);
      this.#shared.set(key, known);
      this.byPath.set(this.#path, known);
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
