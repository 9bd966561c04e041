import { execFileSync } from 'node:child_process';
import fs from 'node:fs';

/*
 * Trees that are changed in every way there is, from a seed, and what plain tools say of them. Names hold spaces,
 * newlines, quotes and bytes that are no UTF-8; paths are bytes as latin1.
 */

export type Random = (below: number) => number;

/** Numbers that a seed repeats (mulberry32). */
export function seeded(seed: number): Random {
  let state = seed >>> 0;
  return below => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

const STRANGE = [
  'plain',
  'with space',
  'new\nline',
  "quo'te",
  'back\\slash',
  '-dash',
  '\xc3\xbc',
  '\xff\xfe',
  '*',
  '.x',
];
const raw = (path: string): Buffer => Buffer.from(path, 'latin1');
const statOf = (path: string) => fs.lstatSync(raw(path));

/** Every path below a directory, parents first. */
export function pathsBelow(directory: string): string[] {
  return fs.readdirSync(raw(directory), { encoding: 'latin1' }).flatMap(name => {
    const path = `${directory}/${name}`;
    return statOf(path).isDirectory() ? [path, ...pathsBelow(path)] : [path];
  });
}

function content(random: Random): Buffer {
  const bytes = Buffer.alloc(random(20) === 0 ? 300_000 + random(100_000) : random(5_000), random(256));
  return random(5) === 0 ? Buffer.concat([Buffer.from('#!/bin/sh\n'), bytes]) : bytes;
}

function pick<T>(list: readonly T[], random: Random): T | undefined {
  return list[random(Math.max(1, list.length))];
}

const filesIn = (root: string): string[] => pathsBelow(root).filter(path => statOf(path).isFile());

function freshPath(root: string, random: Random): string {
  const directories = [root, ...pathsBelow(root).filter(path => statOf(path).isDirectory())];
  return `${pick(directories, random)}/${pick(STRANGE, random)}${random(100_000)}`;
}

const ADDITIONS: ((root: string, random: Random) => void)[] = [
  (root, random) => fs.writeFileSync(raw(freshPath(root, random)), content(random), { mode: 0o600 + random(0o100) }),
  (root, random) => fs.mkdirSync(raw(freshPath(root, random))),
  (root, random) => fs.symlinkSync(random(2) === 0 ? '/etc/passwd' : raw('\xff/nowhere'), raw(freshPath(root, random))),
  (root, random) => {
    const file = pick(filesIn(root), random);
    if (file) fs.linkSync(raw(file), raw(freshPath(root, random)));
  },
  (root, random) => {
    const plain = `${root}/fifo${random(1_000_000)}`;
    execFileSync('mkfifo', ['-m', '640', plain]);
    fs.renameSync(plain, raw(freshPath(root, random)));
  },
];

export function growTree(root: string, random: Random, entries: number): void {
  fs.mkdirSync(root, { recursive: true });
  // Mostly files.
  for (let made = 0; made < entries; made++) ADDITIONS[random(2) === 0 ? 0 : random(ADDITIONS.length)]?.(root, random);
}

type Change = (path: string, root: string, random: Random) => void;

const FILE_CHANGES: Change[] = [
  // An edit of the same size, with its time put back.
  path => {
    const { atime, mtime, size } = statOf(path);
    if (size === 0) return;
    const bytes = fs.readFileSync(raw(path));
    bytes[size >> 1] = (bytes[size >> 1] ?? 0) ^ 0x55;
    fs.writeFileSync(raw(path), bytes);
    fs.utimesSync(raw(path), atime, mtime);
  },
  path => fs.appendFileSync(raw(path), 'more'),
  path => fs.truncateSync(raw(path), statOf(path).size >> 1),
  (path, _, random) => fs.chmodSync(raw(path), 0o600 + random(0o100)),
  // Nothing that counts.
  path => fs.utimesSync(raw(path), 1, 1),
  // The same content in another inode.
  path => {
    fs.copyFileSync(raw(path), raw(`${path}~`));
    fs.renameSync(raw(`${path}~`), raw(path));
  },
  (path, root, random) => {
    const other = pick(filesIn(root), random);
    if (!other || other === path) return;
    fs.renameSync(raw(path), raw(`${path}~`));
    fs.renameSync(raw(other), raw(path));
    fs.renameSync(raw(`${path}~`), raw(other));
  },
  path => {
    fs.rmSync(raw(path));
    fs.mkdirSync(raw(path));
    fs.writeFileSync(raw(`${path}/was a file`), 'x');
  },
  path => {
    fs.rmSync(raw(path));
    fs.symlinkSync('elsewhere', raw(path));
  },
];

const ANY_CHANGES: Change[] = [
  (path, root, random) => {
    const to = freshPath(root, random);
    if (!to.startsWith(`${path}/`)) fs.renameSync(raw(path), raw(to));
  },
  path => fs.rmSync(raw(path), { recursive: true }),
  (path, _, random) => {
    if (!statOf(path).isSymbolicLink())
      fs.chownSync(raw(path), process.getuid?.() ?? 0, pick(process.getgroups?.() ?? [0], random) ?? 0);
  },
];

/** One change of one thing; what no longer can be done, since an earlier one took it away, is left. */
export function mutate(root: string, random: Random): void {
  const path = pick(pathsBelow(root), random);
  if (!path || random(6) === 0) return void pick(ADDITIONS, random)?.(root, random);
  const changes = statOf(path).isFile() && random(4) > 0 ? FILE_CHANGES : ANY_CHANGES;
  pick(changes, random)?.(path, root, random);
}

/** What `find`, `stat` and `sha256sum` say of one thing. */
export interface Listed {
  content: string;
  meta: string;
}

/** By path relative to the root. */
export function listByTools(root: string): Map<string, Listed> {
  const run = (script: string): string[] =>
    execFileSync('sh', ['-c', script, 'sh', root], {
      encoding: 'latin1',
      maxBuffer: 1 << 28,
      env: { ...process.env, LC_ALL: 'C' },
    })
      .split('\0')
      .slice(0, -1);
  const sums = new Map(
    run('cd "$1" && find . -type f -print0 | xargs -0 -r sha256sum -z').map(line => [
      line.slice(68),
      line.slice(0, 64),
    ]),
  );
  const listed = new Map<string, Listed>();
  const fields = run(`cd "$1" && find . -mindepth 1 -printf '%P\\0%y\\0%s\\0%m\\0%u\\0%g\\0%l\\0'`);
  for (let at = 0; at < fields.length; at += 7) {
    const [path = '', type = '', size, mode, owner, group, target] = fields.slice(at, at + 7);
    const own = type === 'f' ? `${size} ${sums.get(path)}` : type === 'l' ? target : '';
    listed.set(path, { content: `${type} ${own}`, meta: `${mode} ${owner} ${group}` });
  }
  return listed;
}

/** The differences of two listings, as a tree's differences are called. */
export function differences(before: ReadonlyMap<string, Listed>, after: ReadonlyMap<string, Listed>): string[] {
  const found: string[] = [];
  for (const [path, was] of before) {
    const is = after.get(path);
    if (!is) found.push(`removed ${path}`);
    else if (is.content !== was.content) found.push(`changed ${path}`);
    else if (is.meta !== was.meta) found.push(`meta-changed ${path}`);
  }
  for (const path of after.keys()) if (!before.has(path)) found.push(`added ${path}`);
  return found.sort();
}
