import { createHmac } from 'node:crypto';
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Entry } from '@tidemark/shared/fingerprint/entry.ts';
import { nodeKey } from '@tidemark/shared/fingerprint/node.ts';
import { auditProfile } from '@tidemark/shared/fingerprint/profile.ts';
import { walkTree } from '@tidemark/shared/fingerprint/walk.ts';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AUDITED_BY_DEFAULT, auditRules, forbiddenRoot } from './audit.ts';
import { scanTree, writeScan } from './scan.ts';

const NONCE = Buffer.alloc(32, 7);

describe('what a server opens to audits', () => {
  const rules = auditRules(auditProfile(['/opt'], NONCE), AUDITED_BY_DEFAULT);
  it.each([
    ['/usr/bin/true', 0o755, true],
    ['/opt/orders/lib/a.jar', 0o644, true],
    ['/opt/orders/conf/db.key', 0o640, false],
    ['/opt/orders/secret', 0o600, false],
    ['/etc/passwd', 0o644, false],
    ['/etc/ssl/private/web.pem', 0o644, false],
    ['/home/anna/notes', 0o644, false],
  ])('%s of mode %o: %s', (path, mode, permitted) => {
    expect(rules?.permits(path, { mode: BigInt(mode) })).toBe(permitted);
  });

  it('never holds secrets, also where its policy opens everything', () => {
    const all = auditRules(auditProfile(['/'], NONCE), ['/**']);
    expect(all?.permits('/etc/passwd', { mode: 0o644n })).toBe(true);
    expect(all?.permits('/etc/shadow', { mode: 0o644n })).toBe(false);
    expect(all?.permits('/etc/app/tls.key', { mode: 0o644n })).toBe(false);
  });

  it.each([
    [['/usr/bin', '/opt/orders'], null],
    [['/usr', '/etc'], '/etc'],
    [['/'], '/'],
    [['/usr/../etc'], '/usr/../etc'],
    [['/usrlocal'], '/usrlocal'],
  ])('does not reach above its roots: %s', (roots, closed) => {
    expect(forbiddenRoot(auditProfile(roots, NONCE), AUDITED_BY_DEFAULT)).toBe(closed);
  });
});

describe('an audit', () => {
  let base: string;
  let root: string;

  beforeEach(() => {
    base = fs.mkdtempSync(join(tmpdir(), 'tm-audit-'));
    root = join(base, 'root');
    const write = (path: string, content: string, mode: number) => {
      fs.mkdirSync(join(root, path, '..'), { recursive: true });
      fs.writeFileSync(join(root, path), content);
      fs.chmodSync(join(root, path), mode);
    };
    write('opt/app/program', 'program', 0o755);
    fs.linkSync(join(root, 'opt/app/program'), join(root, 'opt/app/twin'));
    write('opt/app/token', 'hunter2', 0o600);
    write('opt/closed/readable', 'hunter2', 0o644);
    fs.chmodSync(join(root, 'opt/closed'), 0o750);
  });

  afterEach(() => fs.rmSync(base, { recursive: true, force: true }));

  async function entriesUnder(nonce: Buffer): Promise<Record<string, Entry>> {
    const scanned = scanTree({ profile: auditProfile(['/opt'], nonce), root, audits: AUDITED_BY_DEFAULT });
    const nodes = new Map(scanned.nodes.map(({ id, data }) => [nodeKey(id), data]));
    const load = async (ids: readonly Buffer[]) =>
      new Map(ids.map(id => [nodeKey(id), nodes.get(nodeKey(id)) ?? Buffer.alloc(0)]));
    const found: Record<string, Entry> = {};
    for await (const { path, entry } of walkTree('software', scanned.softwareRoot, load)) found[String(path)] = entry;
    return found;
  }

  it('answers with digests that only this nonce gives, of every name', async () => {
    const digest = createHmac('sha256', NONCE).update('program').digest();
    const entries = await entriesUnder(NONCE);
    expect(entries['/opt/app/program']).toMatchObject({ kind: 'file', keyed: true, digest });
    expect(entries['/opt/app/twin']).toMatchObject({ kind: 'file', keyed: true, digest });
    const other = await entriesUnder(Buffer.alloc(32, 8));
    expect(other['/opt/app/program']).not.toMatchObject({ digest });
  });

  it('says nothing of what others on the server may not read', async () => {
    const entries = await entriesUnder(NONCE);
    expect(entries['/opt/app/token']).toMatchObject({ kind: 'skipped', reason: 'rule' });
    expect(entries['/opt/closed']).toMatchObject({ kind: 'skipped', reason: 'rule' });
    expect(Object.keys(entries)).not.toContain('/opt/closed/readable');
  });

  it('believes nothing that was kept, and keeps nothing', async () => {
    const cache = join(base, 'cache');
    const clock = { now: () => Date.now() + 10_000, monotonic: () => performance.now() };
    const options = { root, cache, clock, threads: 1, audits: AUDITED_BY_DEFAULT };
    const { nonce, ...plain } = auditProfile(['/opt'], NONCE);
    await writeScan(join(base, 's1'), 's1', { ...options, profile: plain });
    const kept = fs.readdirSync(cache);
    const audited = await writeScan(join(base, 's2'), 's2', { ...options, profile: { ...plain, nonce } });
    expect(audited.bytesRead).toBeGreaterThanOrEqual('program'.length);
    expect(fs.readdirSync(cache)).toEqual(kept);
  });
});
