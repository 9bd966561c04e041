import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { listChanges } from '@tidemark/shared/fingerprint/diff.ts';
import type { Entry } from '@tidemark/shared/fingerprint/entry.ts';
import type { NodeLoader } from '@tidemark/shared/fingerprint/load.ts';
import { loadMetas } from '@tidemark/shared/fingerprint/load.ts';
import { nodeKey } from '@tidemark/shared/fingerprint/node.ts';
import { pathText } from '@tidemark/shared/fingerprint/path.ts';
import { PLANES, type ScanProfile } from '@tidemark/shared/fingerprint/profile.ts';
import { walkTree } from '@tidemark/shared/fingerprint/walk.ts';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { listFiles, openScan, scanTree, writeScan } from './scan.ts';

const PROFILE: ScanProfile = {
  name: 'test',
  version: 1,
  roots: [{ path: '/opt', plane: 'software' }],
  ignore: [],
  expect: [],
};

let base: string;
let root: string;
const at = (path: string) => join(root, path);

function write(path: string, content: string | Buffer = '', mode = 0o644): void {
  fs.mkdirSync(join(at(path), '..'), { recursive: true });
  fs.writeFileSync(at(path), content);
  fs.chmodSync(at(path), mode);
}

const makeFifo = (path: string) => execFileSync('sh', ['-c', 'mkfifo "$1"', 'sh', at(path)]);

beforeEach(() => {
  base = fs.mkdtempSync(join(tmpdir(), 'tm-scan-'));
  root = join(base, 'root');
  fs.mkdirSync(root);
});

afterEach(() => fs.rmSync(base, { recursive: true, force: true }));

type Scanned = ReturnType<typeof scanTree>;

const scan = (change: Partial<ScanProfile> = {}): Scanned => scanTree({ profile: { ...PROFILE, ...change }, root });

const loaderOf = (...scans: Scanned[]): NodeLoader => {
  const nodes = new Map(scans.flatMap(({ nodes: list }) => list.map(({ id, data }) => [nodeKey(id), data])));
  return async ids => new Map(ids.flatMap(id => [[nodeKey(id), nodes.get(nodeKey(id)) ?? Buffer.alloc(0)]]));
};

/** Path and kind of all entries, by plane. */
async function entriesOf(scanned: Scanned): Promise<Record<string, Entry>> {
  const found: Record<string, Entry> = {};
  for (const plane of PLANES) {
    const tree = plane === 'software' ? scanned.softwareRoot : scanned.configRoot;
    for await (const { path, entry } of walkTree(plane, tree, loaderOf(scanned))) {
      found[`${plane} ${pathText(path)}`] = entry;
    }
  }
  return found;
}

const kindsOf = async (scanned: Scanned) =>
  Object.fromEntries(Object.entries(await entriesOf(scanned)).map(([path, { kind }]) => [path, kind]));

describe('a scan', () => {
  it('finds every kind of entry, follows no link and opens nothing that could wait', async () => {
    write('opt/file');
    fs.symlinkSync('/etc', at('opt/link'));
    fs.symlinkSync('loop', at('opt/loop'));
    makeFifo('opt/fifo');
    fs.mkdirSync(at('opt/empty'));
    expect(await kindsOf(scan())).toEqual({
      'software /opt': 'directory',
      'software /opt/file': 'file',
      'software /opt/link': 'symlink',
      'software /opt/loop': 'symlink',
      'software /opt/fifo': 'fifo',
      'software /opt/empty': 'directory',
    });
    expect(scan().coverage).toMatchObject({ files: 1, directories: 2, symlinks: 2, special: 1 });
  });

  it('has the same roots wherever the tree lies, and whatever its times', () => {
    write('opt/a/b', 'content');
    const before = scan();
    fs.utimesSync(at('opt/a/b'), 1, 1);
    fs.renameSync(root, join(base, 'elsewhere'));
    fs.mkdirSync(root);
    fs.renameSync(join(base, 'elsewhere', 'opt'), at('opt'));
    expect(scan().softwareRoot).toEqual(before.softwareRoot);
  });

  it('sees an edit whose time was put back', async () => {
    write('opt/a', 'before');
    const { atime, mtime } = fs.statSync(at('opt/a'));
    const before = scan();
    fs.writeFileSync(at('opt/a'), 'after!');
    fs.utimesSync(at('opt/a'), atime, mtime);
    const after = scan();
    const changes = await listChanges('software', before.softwareRoot, after.softwareRoot, loaderOf(before, after));
    expect(changes.map(({ change, path }) => `${change} ${path}`)).toEqual(['changed /opt/a']);
  });

  it('keeps names that are no UTF-8 or hold a newline', async () => {
    fs.mkdirSync(at('opt'));
    fs.writeFileSync(Buffer.concat([Buffer.from(`${at('opt')}/`), Buffer.from([0xff, 0x0a])]), 'x');
    expect(Object.keys(await entriesOf(scan()))).toContain('software /opt/\\xff\\x0a');
  });

  it('takes what runs for software wherever it lies, and the rest for what its root says', async () => {
    write('etc/app/app.conf', 'port=1');
    write('etc/app/hook', '#!/bin/sh\n');
    write('etc/app/name', 'db01', 0o755);
    write('opt/app/list', 'a b c', 0o755);
    const roots = [
      { path: '/etc/app', plane: 'config' as const },
      { path: '/opt/app', plane: 'software' as const },
    ];
    const entries = await entriesOf(scan({ roots }));
    // An x bit alone makes a program of what lies among programs.
    expect(entries['config /etc/app/name']).toMatchObject({ executable: false });
    expect(entries['software /opt/app/list']).toMatchObject({ executable: true });
    const found = Object.fromEntries(Object.entries(entries).map(([path, { kind }]) => [path, kind]));
    expect(found).toEqual({
      'config /etc/app': 'directory',
      'config /etc/app/app.conf': 'file',
      'config /etc/app/name': 'file',
      'software /etc/app/hook': 'file',
      'software /opt/app': 'directory',
      'software /opt/app/list': 'file',
    });
  });

  it('gives what lies in a root of its own to that root', async () => {
    write('opt/x/lib', 'a');
    write('opt/x/conf/x.conf', 'a');
    const roots = [
      { path: '/opt', plane: 'software' as const },
      { path: '/opt/x/conf', plane: 'config' as const },
    ];
    expect(await kindsOf(scan({ roots }))).toEqual({
      'software /opt': 'directory',
      'software /opt/x': 'directory',
      'software /opt/x/lib': 'file',
      'config /opt/x/conf': 'directory',
      'config /opt/x/conf/x.conf': 'file',
    });
  });

  it('keeps a change of configuration out of the software root, and the other way round', () => {
    write('etc/app/app.conf', 'a');
    write('opt/x', 'a');
    const roots = [
      { path: '/opt', plane: 'software' as const },
      { path: '/etc/app', plane: 'config' as const },
    ];
    const before = scan({ roots });
    write('etc/app/app.conf', 'b', 0o600);
    const after = scan({ roots });
    expect(after.softwareRoot).toEqual(before.softwareRoot);
    expect(after.configRoot).not.toEqual(before.configRoot);
  });

  it('leaves out what is ignored, and counts it by rule', async () => {
    write('opt/x/run/pid', '1');
    write('opt/x/a.log', '1');
    write('opt/x/b.log', '1');
    const scanned = scan({ ignore: ['/opt/x/run', '/opt/**/*.log'] });
    expect(Object.keys(await kindsOf(scanned))).toEqual(['software /opt', 'software /opt/x']);
    expect(scanned.coverage.ignored).toEqual([
      { rule: '/opt/x/run', count: 1 },
      { rule: '/opt/**/*.log', count: 2 },
    ]);
  });

  it('says which roots are not there, or are behind a link', () => {
    fs.mkdirSync(at('data/opt'), { recursive: true });
    fs.symlinkSync('data/opt', at('opt'));
    write('file');
    const roots = ['/opt', '/opt/x', '/missing/a', '/file/b'].map(path => ({ path, plane: 'software' as const }));
    expect(scan({ roots }).coverage.missingRoots).toEqual([
      { path: '/file/b', reason: '/file is no directory but a file' },
      { path: '/missing/a', reason: '/missing does not exist' },
      { path: '/opt', reason: '/opt is a link, which a scan does not follow' },
      { path: '/opt/x', reason: '/opt is a link, which a scan does not follow' },
    ]);
  });

  it('hashes a file of many names once, and has it under each', async () => {
    write('opt/a', 'x'.repeat(100));
    fs.linkSync(at('opt/a'), at('opt/b'));
    const scanned = scan();
    expect(scanned.coverage).toMatchObject({ files: 2, hardLinks: 1, bytes: 100 });
    const entries = await entriesOf(scanned);
    expect(entries['software /opt/a']).toMatchObject({ digest: expect.anything() });
    expect(entries['software /opt/b']).toMatchObject({ kind: 'file', size: 100 });
  });

  it('knows mode, owner and group by name', async () => {
    write('opt/a', '', 0o640);
    const scanned = scan();
    const entry = (await entriesOf(scanned))['software /opt/a'];
    const metas = await loadMetas(entry?.meta ? [entry.meta] : [], loaderOf(scanned));
    const owner = execFileSync('stat', ['-c', '%U %G', at('opt/a')], { encoding: 'utf8' })
      .trim()
      .split(' ');
    expect([...metas.values()]).toMatchObject([{ mode: 0o640, owner: owner[0], group: owner[1] }]);
  });

  it('says unstable of a file that changes whenever it is read', async () => {
    // The kernel gives this one a size of 0 and yet content: whoever reads it finds more than there should be.
    const scanned = scanTree({
      profile: { ...PROFILE, roots: [{ path: '/version', plane: 'software' }] },
      root: '/proc',
    });
    expect(await kindsOf(scanned)).toMatchObject({ 'software /version': 'unstable' });
    expect(scanned.coverage.unstable).toEqual({ count: 1, paths: ['/version'] });
  });

  it.skipIf(process.getuid?.() === 0)('reports what it may not read', async () => {
    write('opt/secret', 'x', 0o000);
    expect(await kindsOf(scan())).toMatchObject({ 'software /opt/secret': 'unreadable' });
  });

  it('holds a directory of 3,000 entries', async () => {
    fs.mkdirSync(at('opt'));
    for (let index = 0; index < 3_000; index++) fs.writeFileSync(at(`opt/${index}`), '');
    expect(Object.keys(await entriesOf(scan()))).toHaveLength(3_001);
  });
});

describe('a scan on disk', () => {
  it('has every node of both trees', async () => {
    write('opt/a', 'x');
    write('opt/b/c', 'y');
    const file = await writeScan(join(base, 'scan'), 's1', { profile: PROFILE, root });
    const opened = openScan(join(base, 'scan'));
    expect(opened.ok).toBe(true);
    if (!opened.ok) return;
    const { bytesRead, ...written } = file;
    expect(opened.value.file).toEqual(written);
    expect(bytesRead).toBe(2);
    const inMemory = scan();
    expect(file).toMatchObject({
      scan: 's1',
      softwareRoot: inMemory.softwareRoot.toString('hex'),
      nodes: inMemory.nodes.length,
    });
    for (const { id, data } of inMemory.nodes) expect(opened.value.node(id)?.data).toEqual(data);
    expect(opened.value.node(Buffer.alloc(32))).toBeNull();
    opened.value.close();
  });

  it('is refused where it is not there, or its nodes are cut off', async () => {
    expect(openScan(join(base, 'nothing'))).toMatchObject({ ok: false });
    write('opt/a', 'x');
    await writeScan(join(base, 'scan'), 's1', { profile: PROFILE, root });
    const nodes = join(base, 'scan', 'nodes.bin');
    fs.truncateSync(nodes, fs.statSync(nodes).size - 1);
    expect(openScan(join(base, 'scan'))).toMatchObject({ ok: false, error: expect.stringContaining('scan again') });
  });
});

describe('listing files', () => {
  it('agrees with sha256sum and stat', () => {
    for (let index = 0; index < 30; index++)
      write(`opt/d${index % 3}/f${index}`, 'x'.repeat(index * 1_000), 0o600 + index);
    const files = [...listFiles(at('opt'))];
    const sums = execFileSync('sh', ['-c', 'find "$1" -type f -exec sha256sum {} +', 'sh', at('opt')], {
      encoding: 'utf8',
    });
    const lines = files.map(({ sha256, path }) => `${sha256}  ${path}`).sort();
    expect(lines).toEqual(sums.trim().split('\n').sort());
    const modes = execFileSync('sh', ['-c', 'find "$1" -type f -exec stat -c "%s 0%a %n" {} +', 'sh', at('opt')], {
      encoding: 'utf8',
    });
    expect(files.map(({ size, mode, path }) => `${size} ${mode} ${path}`).sort()).toEqual(
      modes.trim().split('\n').sort(),
    );
  });

  it('gives names verbatim where they are text, and else escaped', () => {
    write('opt/plain\nname\\');
    fs.writeFileSync(Buffer.concat([Buffer.from(`${at('opt')}/`), Buffer.from([0xff, 0x5c])]), '');
    expect([...listFiles(at('opt'))].map(({ path, escaped }) => [path.slice(at('opt').length), escaped])).toEqual([
      ['/plain\nname\\', undefined],
      ['/\\xff\\\\', true],
    ]);
  });

  it('shows links by the digest of their target, and what it cannot read', () => {
    fs.mkdirSync(at('opt'));
    fs.symlinkSync('target', at('opt/link'));
    makeFifo('opt/fifo');
    expect([...listFiles(at('opt'))]).toMatchObject([
      { kind: 'fifo', sha256: null, size: null },
      { kind: 'symlink', sha256: expect.stringMatching(/^[0-9a-f]{64}$/), size: 6 },
    ]);
  });

  it('is refused where there is no directory', () => {
    expect(() => [...listFiles(at('nothing'))]).toThrow('ENOENT');
  });
});
