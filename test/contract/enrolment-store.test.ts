import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { certificateRequest } from '@tidemark/agent/link/certificate-request.ts';
import type { Authority } from '@tidemark/controller/enrolment/authority.ts';
import type { EnrolmentStore } from '@tidemark/controller/enrolment/ports.ts';
import { createEnrolment } from '@tidemark/controller/enrolment/service.ts';
import * as audit from '@tidemark/controller/store/audit.ts';
import { enrolmentStore } from '@tidemark/controller/store/enrolment.ts';
import type { Store } from '@tidemark/controller/store/store.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { testStores } from '../support/database.ts';
import { createEnrolmentMemory } from '../support/enrolment-memory.ts';
import { HandClock, openAuthority } from '../support/fleet-link.ts';

const MINUTE_MS = 60_000;
const freshStore = testStores();
let dir: string;
let authority: Authority;
beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'tidemark-enrolment-'));
  authority = await openAuthority(dir, 'test', new HandClock());
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const kinds: [string, () => Promise<{ store: EnrolmentStore; database: Store | null }>][] = [
  ['in memory', async () => ({ store: createEnrolmentMemory(), database: null })],
  [
    'in the database',
    async () => {
      const database = await freshStore();
      return { store: enrolmentStore(database), database };
    },
  ],
];

describe.each(kinds)('enrolment %s', (_, open) => {
  async function fixture() {
    const { store, database } = await open();
    const clock = new HandClock();
    const cut: string[] = [];
    const service = createEnrolment({
      store,
      authority,
      clock,
      linkAddress: () => 'c:1',
      disconnect: hostId => cut.push(hostId),
    });
    const tokenFor = async (hostName: string) => {
      const token = await service.issueToken({ hostName, by: 'ada' });
      if (!token.ok) throw new Error(token.error.message);
      return token.value.token;
    };
    const enrol = (token: string, csr: Buffer) => service.enrol({ token, csr, peer: '10.0.0.1:1' });
    return { store, database, clock, cut, service, tokenFor, enrol };
  }

  it('lets one of many servers in that bring the same token at once', async () => {
    const { tokenFor, enrol, service } = await fixture();
    const token = await tokenFor('db01');
    const results = await Promise.all(Array.from({ length: 8 }, () => enrol(token, request())));
    expect(results.filter(result => result.ok)).toHaveLength(1);
    for (const result of results) if (!result.ok) expect(result.error.code).toBe('token-used');
    expect(await service.hosts()).toHaveLength(1);
  });

  it('lets one of two servers in that bring two tokens for one name at once', async () => {
    const { tokenFor, enrol } = await fixture();
    const tokens = [await tokenFor('db01'), await tokenFor('db01')];
    const results = await Promise.all(tokens.map(token => enrol(token, request())));
    expect(results.map(result => (result.ok ? 'in' : result.error.code)).sort()).toEqual(['host-enrolled', 'in']);
  });

  it('gives the same key the same host again, for five minutes', async () => {
    const { tokenFor, enrol, clock } = await fixture();
    const token = await tokenFor('db01');
    const csr = request();
    const first = await enrol(token, csr);
    clock.forward(4 * MINUTE_MS);
    const second = await enrol(token, csr);
    expect(first.ok && second.ok && second.value.hostId === first.value.hostId).toBe(true);
    clock.forward(2 * MINUTE_MS);
    expect(await enrol(token, csr)).toMatchObject({ ok: false, error: { code: 'token-used' } });
  });

  it('leaves a token unused where the host could not be enrolled', async () => {
    const { tokenFor, enrol, service } = await fixture();
    const [first, second] = [await tokenFor('db01'), await tokenFor('db01')];
    await enrol(first, request());
    expect(await enrol(second, request())).toMatchObject({ ok: false, error: { code: 'host-enrolled' } });
    await service.evict({ host: 'db01', by: 'ada' });
    expect(await enrol(second, request())).toMatchObject({ ok: true });
  });

  it('gives an evicted host its record back, with nothing acknowledged, and none of its old certificates', async () => {
    const { tokenFor, enrol, service, cut } = await fixture();
    const before = await enrol(await tokenFor('db01'), request());
    if (!before.ok) throw new Error(before.error.message);
    expect(await service.hostOf(leafOf(before.value))).toMatchObject({ ok: true, value: { hostName: 'db01' } });
    await service.evict({ host: 'db01', by: 'ada' });
    expect(cut).toEqual([before.value.hostId]);
    expect(await service.hostOf(leafOf(before.value))).toMatchObject({ ok: false });
    const after = await enrol(await tokenFor('db01'), request());
    expect(after).toMatchObject({ ok: true, value: { hostId: before.value.hostId } });
    expect(await service.hostOf(leafOf(before.value))).toMatchObject({ ok: false });
    expect(after.ok && (await service.hostOf(leafOf(after.value))).ok).toBe(true);
    expect(await service.hosts()).toMatchObject([{ name: 'db01', state: 'enrolled', acknowledged: 0 }]);
  });

  it('never lets a banned host back in, and does not make less of a ban', async () => {
    const { tokenFor, enrol, service } = await fixture();
    const [first, second] = [await tokenFor('db01'), await tokenFor('db01')];
    await enrol(first, request());
    await service.ban({ host: 'db01', by: 'ada' });
    expect(await enrol(second, request())).toMatchObject({ ok: false, error: { code: 'host-banned' } });
    expect(await service.evict({ host: 'db01', by: 'ada' })).toMatchObject({
      ok: false,
      error: { code: 'host-banned' },
    });
    expect(await service.issueToken({ hostName: 'db01', by: 'ada' })).toMatchObject({
      ok: false,
      error: { code: 'host-banned' },
    });
    expect(await service.ban({ host: 'nobody', by: 'ada' })).toMatchObject({
      ok: false,
      error: { code: 'host-unknown' },
    });
  });

  it('remembers when a host was heard, and forgets connections that a controller before it had', async () => {
    const { tokenFor, enrol, service, store } = await fixture();
    const enrolled = await enrol(await tokenFor('db01'), request());
    const hostId = enrolled.ok ? enrolled.value.hostId : '';
    await store.seen({ hostId, atMs: 1_000_000, connected: true, hello: { agentVersion: '0.1.0', bootId: 'b1' } });
    const seen = { lastSeenMs: 1_000_000, agentVersion: '0.1.0', bootId: 'b1' };
    expect(await service.hosts()).toMatchObject([{ ...seen, connected: true }]);
    await store.forgetConnections();
    expect(await service.hosts()).toMatchObject([{ ...seen, connected: false }]);
  });

  it('keeps no secret, and an entry in the audit log for every change', async () => {
    const { tokenFor, enrol, service, database, store } = await fixture();
    const token = await tokenFor('db01');
    await enrol(token, request());
    await service.evict({ host: 'db01', by: 'ada' });
    const actions =
      database === null
        ? (store as ReturnType<typeof createEnrolmentMemory>).kept().audit.map(({ action }) => action)
        : (await audit.list(database.db, { after: 0, limit: 10 })).map(({ action }) => action);
    expect(actions).toEqual(['enrolment-token.issued', 'host.enrolled', 'host.evicted']);
    if (database === null) return;
    expect(await audit.verify(database.db)).toMatchObject({ intact: true });
    const rows = await database.sql`select t::text as row from enrolment_tokens t`;
    const secret = Buffer.from(token.slice(21, 64), 'base64url').toString('hex');
    expect(rows.some(({ row }) => (row as string).includes(secret))).toBe(false);
  });

  it.each([
    ['nothing', Buffer.alloc(0)],
    ['no request', Buffer.from('not DER')],
    ['one whose signature was changed', damaged(request())],
    ['one with an Ed25519 key', edRequest()],
  ])('refuses a certificate request that is %s, and the token stays', async (_what, csr) => {
    const { tokenFor, enrol } = await fixture();
    const token = await tokenFor('db01');
    expect(await enrol(token, csr)).toMatchObject({ ok: false, error: { code: 'request-invalid' } });
    expect(await enrol(token, request())).toMatchObject({ ok: true });
  });

  it.each([
    ['a name with a slash', 'a/b', 60_000],
    ['no name', '', 60_000],
    ['a life of a week', 'db01', 7 * 24 * 60 * MINUTE_MS],
    ['no life', 'db01', 0],
    ['a life that is no number', 'db01', Number.NaN],
  ])('issues no token for %s', async (_what, hostName, ttlMs) => {
    const { service } = await fixture();
    expect(await service.issueToken({ hostName, ttlMs, by: 'ada' })).toMatchObject({
      ok: false,
      error: { code: 'request-invalid' },
    });
  });
});

function request(): Buffer {
  return certificateRequest(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey);
}

function damaged(csr: Buffer): Buffer {
  const copy = Buffer.from(csr);
  const last = copy.length - 1;
  copy[last] = (copy[last] ?? 0) ^ 1;
  return copy;
}

/** The key of another kind in a request that is else well made: its signature cannot be right either. */
function edRequest(): Buffer {
  const csr = request();
  const p256 = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ format: 'der', type: 'spki' });
  const ed = generateKeyPairSync('ed25519').publicKey.export({ format: 'der', type: 'spki' });
  const at = csr.indexOf(p256.subarray(0, 26));
  return Buffer.concat([csr.subarray(0, at), ed, csr.subarray(at + p256.length)]);
}

function leafOf({ chain: [leaf] }: { chain: Buffer[] }): Buffer {
  if (leaf === undefined) throw new Error('no certificate');
  return leaf;
}
