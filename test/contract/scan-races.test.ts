import { execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openScan, scanTree, writeScan } from '@tidemark/agent/scan/scan.ts';
import type { Progress, ScanOptions } from '@tidemark/agent/scan/scan-tree.ts';
import type { Entry } from '@tidemark/shared/fingerprint/entry.ts';
import type { NodeLoader } from '@tidemark/shared/fingerprint/load.ts';
import { nodeKey } from '@tidemark/shared/fingerprint/node.ts';
import { pathText } from '@tidemark/shared/fingerprint/path.ts';
import type { ScanProfile } from '@tidemark/shared/fingerprint/profile.ts';
import { walkTree } from '@tidemark/shared/fingerprint/walk.ts';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

/* Scans of trees that somebody changes meanwhile, or that are made to be in the way. */

const PROFILE: ScanProfile = {
  name: 'races',
  version: 1,
  roots: [{ path: '/', plane: 'software' }],
  ignore: [],
  expect: [],
};
const AHEAD_MS = 10_000;
const HOUR_MS = 3_600_000;

let base: string;
let root: string;
const at = (path: string) => join(root, path);
const digestOf = (content: string | Buffer) => createHash('sha256').update(content).digest('hex');

beforeEach(() => {
  base = fs.mkdtempSync(join(tmpdir(), 'tm-races-'));
  root = join(base, 'root');
  fs.mkdirSync(root);
});

afterEach(() => execFileSync('rm', ['-rf', base]));

/** So far ahead that nothing in the tree counts as just touched. */
const clockAhead = (ms = AHEAD_MS) => ({ now: () => Date.now() + ms, monotonic: () => performance.now() });

let scans = 0;
async function scan(options: Partial<ScanOptions> = {}) {
  const directory = join(base, `scan-${scans++}`);
  const written = await writeScan(directory, 's', {
    profile: PROFILE,
    root,
    clock: clockAhead(),
    threads: 1,
    ...options,
  });
  const stored = openScan(directory);
  if (!stored.ok) throw new Error(stored.error);
  const entries = await entriesOf(Buffer.from(written.softwareRoot, 'hex'), id => stored.value.node(id)?.data);
  stored.value.close();
  return { written, entries, hex: hexIn(entries) };
}

/** By one thread, and at once: for races, where it takes many. */
async function quickScan() {
  const { softwareRoot, nodes } = scanTree({ profile: PROFILE, root });
  const byId = new Map(nodes.map(({ id, data }) => [nodeKey(id), data]));
  const entries = await entriesOf(softwareRoot, id => byId.get(nodeKey(id)));
  return { entries, hex: hexIn(entries) };
}

async function entriesOf(tree: Buffer, node: (id: Buffer) => Buffer | undefined): Promise<Map<string, Entry>> {
  const load: NodeLoader = async ids => new Map(ids.map(id => [nodeKey(id), node(id) ?? Buffer.alloc(0)]));
  const entries = new Map<string, Entry>();
  for await (const { path, entry } of walkTree('software', tree, load)) entries.set(pathText(path), entry);
  return entries;
}

const hexIn = (entries: ReadonlyMap<string, Entry>) => (path: string) => {
  const entry = entries.get(path);
  return entry?.kind === 'file' ? entry.digest.toString('hex') : entry?.kind;
};

/** Runs a shell loop beside what the test does. */
async function meanwhile(script: string, work: () => Promise<void>): Promise<void> {
  const child = spawn('sh', ['-c', script, 'sh', base], { stdio: 'ignore' });
  const ended = new Promise(resolve => child.once('close', resolve));
  try {
    await work();
  } finally {
    child.kill('SIGKILL');
    await ended;
  }
}

describe('while somebody changes the tree', () => {
  it('a directory that is swapped for a link leads nowhere else', async () => {
    for (const [where, content] of [
      ['root/d', 'inside'],
      ['outside', 'outside'],
    ] as const) {
      fs.mkdirSync(join(base, where));
      fs.writeFileSync(join(base, where, 'file'), content);
    }
    const swap = 'cd "$1"; while :; do mv root/d away; ln -s ../outside root/d; rm root/d; mv away root/d; done';
    const seen = new Set<string | undefined>();
    await meanwhile(swap, async () => {
      for (let round = 0; round < 60; round++) seen.add((await quickScan()).hex('/d/file'));
      for (let round = 0; round < 2; round++) seen.add((await scan({ cache: join(base, 'cache') })).hex('/d/file'));
    });
    seen.delete(undefined);
    seen.delete('unstable');
    expect([...seen].filter(digest => digest !== digestOf('inside'))).toEqual([]);
  });

  it('files that trade names have one of the two contents', async () => {
    fs.writeFileSync(at('a'), 'a'.repeat(200_000));
    fs.writeFileSync(at('b'), 'b'.repeat(200_000));
    const contents = [digestOf('a'.repeat(200_000)), digestOf('b'.repeat(200_000)), 'unstable', undefined];
    await meanwhile('cd "$1/root"; while :; do mv a c; mv b a; mv c b; done', async () => {
      for (let round = 0; round < 50; round++) expect(contents).toContain((await quickScan()).hex('/a'));
    });
  });

  it('a file that grows is as it was at one moment, or unstable', async () => {
    fs.writeFileSync(at('log'), '');
    await meanwhile('cd "$1/root"; while :; do printf xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx >> log; done', async () => {
      for (let round = 0; round < 50; round++) {
        const entry = (await quickScan()).entries.get('/log');
        if (entry?.kind !== 'file') expect(entry?.kind).toBe('unstable');
        else expect(entry.digest.toString('hex')).toBe(digestOf('x'.repeat(entry.size)));
      }
    });
  });
});

describe('what is kept from scan to scan', () => {
  const cache = () => join(base, 'cache');
  const files = (count: number, bytes = 100) => {
    for (let index = 0; index < count; index++) fs.writeFileSync(at(`f${index}`), Buffer.alloc(bytes, index));
  };

  it('spares reading what has not changed, and gives the same tree', async () => {
    files(50);
    const first = await scan({ cache: cache() });
    const second = await scan({ cache: cache() });
    expect(first.written.bytesRead).toBe(5_000);
    expect(second.written.bytesRead).toBe(0);
    expect(second.written.softwareRoot).toBe(first.written.softwareRoot);
    expect(second.written.coverage).toEqual(first.written.coverage);
  });

  it('is not believed of what was a directory and is a file, a link or nothing by now', async () => {
    const profile = { ...PROFILE, secret: ['/secret'] };
    const key = Buffer.alloc(32, 7);
    for (const name of ['plain', 'secret', 'link', 'gone', 'kept']) {
      fs.mkdirSync(at(name));
      fs.writeFileSync(at(`${name}/inside`), name);
    }
    await scan({ cache: cache(), profile, key, threads: 2 });
    for (const name of ['plain', 'secret', 'link', 'gone']) fs.rmSync(at(name), { recursive: true });
    fs.writeFileSync(at('plain'), 'content');
    fs.writeFileSync(at('secret'), 'content');
    fs.symlinkSync('kept', at('link'));
    const second = await scan({ cache: cache(), profile, key, threads: 2 });
    const afresh = await scan({ profile, key });
    expect(second.hex('/plain')).toBe(digestOf('content'));
    expect(second.entries.get('/secret')).toMatchObject({ kind: 'file', keyed: true });
    expect(second.written.softwareRoot).toBe(afresh.written.softwareRoot);
    expect(second.written.coverage).toEqual(afresh.written.coverage);
  });

  it('says of each file whether it runs by what it holds, also where the scan before was of another profile', async () => {
    fs.mkdirSync(at('etc'));
    for (const [name, content] of [
      ['hostname', 'db01'],
      ['hook', '#!/bin/sh'],
    ] as const) {
      fs.writeFileSync(at(`etc/${name}`), content, { mode: 0o755 });
    }
    const config = { ...PROFILE, roots: [...PROFILE.roots, { path: '/etc', plane: 'config' as const }] };
    const names = (entries: ReadonlyMap<string, Entry>) => [...entries.keys()].filter(path => path.startsWith('/etc/'));
    expect(names((await scan({ cache: cache() })).entries).sort()).toEqual(['/etc/hook', '/etc/hostname']);
    const changed = await scan({ cache: cache(), profile: config });
    expect(changed.written.bytesRead).toBe(0);
    expect(names(changed.entries)).toEqual(['/etc/hook']);
    const again = await scan({ cache: cache(), profile: config });
    fs.writeFileSync(at('etc/new'), 'more');
    const adopted = await scan({ cache: cache(), profile: config });
    for (const { entries } of [again, adopted]) expect(names(entries)).toEqual(['/etc/hook']);
  });

  it('is not believed of files that were touched within two seconds before the scan', async () => {
    files(5);
    await scan({ cache: cache(), clock: clockAhead(1_000) });
    expect((await scan({ cache: cache(), clock: clockAhead(1_000) })).written.bytesRead).toBe(500);
  });

  it('is believed for twenty hours at most, and each file for a time of its own', async () => {
    files(200);
    await scan({ cache: cache() });
    const half = await scan({ cache: cache(), clock: clockAhead(10 * HOUR_MS) });
    expect(half.written.bytesRead).toBeGreaterThan(100 * 50);
    expect(half.written.bytesRead).toBeLessThan(100 * 150);
    // What was read again is believed anew, whether or not anything else in its directory was due.
    const again = await scan({ cache: cache(), clock: clockAhead(10 * HOUR_MS) });
    expect(again.written.bytesRead).toBeLessThan(100 * 10);
    const all = await scan({ cache: cache(), clock: clockAhead(31 * HOUR_MS) });
    expect(all.written.bytesRead).toBe(20_000);
    // A clock that was ahead must not make anything be believed for longer.
    expect((await scan({ cache: cache() })).written.bytesRead).toBeGreaterThan(0);
  });

  it('is not believed where its file was altered or cut', async () => {
    files(20);
    const first = await scan({ cache: cache() });
    const [name] = fs.readdirSync(cache());
    const file = join(cache(), name ?? '');
    const bytes = fs.readFileSync(file);
    bytes[bytes.length - 10] = (bytes.at(-10) ?? 0) ^ 1;
    fs.writeFileSync(file, bytes);
    const second = await scan({ cache: cache() });
    expect(second.written.bytesRead).toBe(2_000);
    expect(second.written.softwareRoot).toBe(first.written.softwareRoot);
    fs.truncateSync(file, 100);
    expect((await scan({ cache: cache() })).written.bytesRead).toBe(2_000);
  });

  it('holds what a scan had read before it was cancelled', async () => {
    for (let index = 0; index < 40; index++) {
      fs.mkdirSync(at(`d${index}`));
      fs.writeFileSync(at(`d${index}/file`), Buffer.alloc(100_000, index));
    }
    const cancel = new AbortController();
    const stopAfterSome = ({ files: seen }: Progress) => {
      if (seen > 4) cancel.abort();
    };
    const slow = { budget: { bytesPerSecond: 1_000_000 }, signal: cancel.signal, progress: stopAfterSome };
    await expect(scan({ cache: cache(), ...slow })).rejects.toThrow('cancelled');
    const { written } = await scan({ cache: cache() });
    expect(written.coverage.bytes).toBe(4_000_000);
    expect(written.bytesRead).toBeLessThan(4_000_000);
  });

  it.skipIf(process.getuid?.() !== 0)('may be missing: a scan goes on where its file system is full', async () => {
    files(100, 1);
    const full = join(base, 'full');
    fs.mkdirSync(full);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=4k', 'none', full]);
    try {
      expect((await scan({ cache: full })).written.coverage.files).toBe(100);
      await expect(writeScan(join(full, 'scan'), 's', { profile: PROFILE, root })).rejects.toThrow('ENOSPC');
    } finally {
      execFileSync('umount', [full]);
    }
  });
});

describe('trees that are in the way', () => {
  it('deeper than any path can name are cut off, and that is said', async () => {
    const dig = 'for (let i = 0; i < 4096; i++) { fs.mkdirSync("d"); process.chdir("d"); }';
    execFileSync(process.execPath, ['-e', dig], { cwd: root });
    const { coverage } = scanTree({ profile: PROFILE, root });
    expect(coverage.skipped).toEqual({ count: 1, paths: ['/d'.repeat(2_049)] });
    expect(coverage.directories).toBe(2_049);
  });

  it.skipIf(process.getuid?.() !== 0)(
    'on other file systems are entered only where the profile names their type',
    async () => {
      fs.mkdirSync(at('mounted'));
      execFileSync('mount', ['-t', 'tmpfs', 'none', at('mounted')]);
      try {
        fs.writeFileSync(at('mounted/file'), 'x');
        expect((await scan()).entries.get('/mounted')).toMatchObject({ kind: 'skipped', reason: 'other-file-system' });
        const named = await scan({ profile: { ...PROFILE, fileSystems: ['tmpfs'] } });
        expect(named.hex('/mounted/file')).toBe(digestOf('x'));
      } finally {
        execFileSync('umount', [at('mounted')]);
      }
    },
  );
});
