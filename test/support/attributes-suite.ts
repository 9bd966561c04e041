import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openScan, writeScan } from '@tidemark/agent/scan/scan-files.ts';
import { loadMetas, type NodeLoader } from '@tidemark/shared/fingerprint/load.ts';
import { nodeKey } from '@tidemark/shared/fingerprint/node.ts';
import { pathText } from '@tidemark/shared/fingerprint/path.ts';
import type { ScanProfile } from '@tidemark/shared/fingerprint/profile.ts';
import { walkTree } from '@tidemark/shared/fingerprint/walk.ts';
import { afterEach, beforeEach, expect, it } from 'vitest';

const PROFILE: ScanProfile = {
  name: 'attributes',
  version: 1,
  roots: [{ path: '/', plane: 'software' }],
  ignore: [],
  expect: [],
};
/** So far ahead that nothing in the tree counts as just touched. */
const AHEAD_MS = 10_000;
const clock = { now: () => Date.now() + AHEAD_MS, monotonic: () => performance.now() };

/** Real capabilities and access lists can be set by root, with the tools of Debian's attr, acl and libcap2-bin. */
export const canSetAttributes = (): boolean =>
  process.getuid?.() === 0 &&
  ['getfattr', 'setfacl', 'setcap'].every(tool => spawnSync('sh', ['-c', `command -v ${tool}`]).status === 0);

/** What the file system keeps of each path beside mode and owner, after a scan. */
async function attributesAfter(base: string, name: string, cache: string | null) {
  const directory = join(base, name);
  const written = await writeScan(directory, name, { profile: PROFILE, root: join(base, 'root'), clock, cache });
  const stored = openScan(directory);
  if (!stored.ok) throw new Error(stored.error);
  const load: NodeLoader = async ids =>
    new Map(ids.map(id => [nodeKey(id), stored.value.node(id)?.data ?? Buffer.alloc(0)]));
  const found: Record<string, Record<string, string>> = {};
  for await (const { path, entry } of walkTree('software', Buffer.from(written.softwareRoot, 'hex'), load)) {
    const [meta] = (await loadMetas(entry.meta ? [entry.meta] : [], load)).values();
    if (!meta || meta.attributes.size === 0) continue;
    const own = [...meta.attributes].map(([key, value]) => [
      key,
      key.startsWith('system.') ? value.toString() : value.toString('hex'),
    ]);
    found[pathText(path)] = Object.fromEntries(own);
  }
  stored.value.close();
  return { found, root: written.softwareRoot, bytesRead: written.bytesRead, limits: written.coverage.limits };
}

/** Tests that scans see capabilities and access lists that really are there, at first and where only they have changed. */
export function attributesSuite(): void {
  let base: string;
  const at = (path: string) => join(base, 'root', path);

  beforeEach(() => {
    base = mkdtempSync(join(tmpdir(), 'tm-attributes-'));
    mkdirSync(at('shared'), { recursive: true });
    for (const name of ['ping', 'plain', 'new\nline', 'shared/report']) writeFileSync(at(name), name, { mode: 0o640 });
  });
  afterEach(() => rmSync(base, { recursive: true, force: true }));

  it('a first scan has the capability of a file, and access lists with names in place of numbers', async () => {
    execFileSync('setcap', ['cap_net_raw=ep', at('ping')]);
    execFileSync('setfacl', ['-m', 'user:daemon:r--', at('new\nline')]);
    execFileSync('setfacl', ['-d', '-m', 'group:daemon:rwx', at('shared')]);
    const { found, limits } = await attributesAfter(base, 'first', null);
    expect(limits).toEqual([]);
    expect(found).toEqual({
      // vfs_cap_data, version 2, effective: bit 13 is CAP_NET_RAW (linux/capability.h).
      '/ping': { 'security.capability': '0100000200200000000000000000000000000000' },
      '/new\\x0aline': {
        'system.posix_acl_access': 'group::r--\nmask::r--\nother::---\nuser::rw-\nuser:daemon:r--',
      },
      '/shared': {
        'system.posix_acl_default': 'group::r-x\ngroup:daemon:rwx\nmask::rwx\nother::r-x\nuser::rwx',
      },
    });
  });

  it('a later scan asks for what has changed alone, and comes to the same tree as one that asks for all', async () => {
    const cache = join(base, 'cache');
    const before = await attributesAfter(base, 'before', cache);
    expect(before.found).toEqual({});
    execFileSync('setcap', ['cap_net_raw=ep', at('ping')]);
    execFileSync('setfacl', ['-m', 'user:daemon:r--', at('shared/report')]);
    execFileSync('setfacl', ['-d', '-m', 'group:daemon:rwx', at('shared')]);
    const set = await attributesAfter(base, 'set', cache);
    expect(Object.keys(set.found).sort()).toEqual(['/ping', '/shared', '/shared/report']);
    // Contents were not read again but of the two whose ctime has moved.
    expect(set.bytesRead).toBe('ping'.length + 'shared/report'.length);
    expect(set.root).toBe((await attributesAfter(base, 'set-anew', null)).root);
    execFileSync('setcap', ['-r', at('ping')]);
    execFileSync('setfacl', ['-b', at('shared/report')]);
    execFileSync('setfacl', ['-k', at('shared')]);
    const after = await attributesAfter(base, 'after', cache);
    expect(after.found).toEqual({});
    expect(after.root).toBe(before.root);
  });
}
