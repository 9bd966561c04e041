import { generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto';
import { outbox, signedProfiles } from '@tidemark/controller/store/schema.ts';
import type { Store } from '@tidemark/controller/store/store.ts';
import type { AgentFacts } from '@tidemark/controller/verification/ports.ts';
import type { Verification } from '@tidemark/controller/verification/service.ts';
import type { ScanProfile } from '@tidemark/shared/fingerprint/profile.ts';
import { sealingKeysOf, sealKey } from '@tidemark/shared/fingerprint/sealed-key.ts';
import { secretKeyId } from '@tidemark/shared/fingerprint/secret-key-id.ts';
import { rawPublicKey } from '@tidemark/shared/signing/ed25519.ts';
import { signScanProfile } from '@tidemark/shared/signing/scan-profile.ts';
import { type SecretKeyStatement, signSecretKey } from '@tidemark/shared/signing/secret-key.ts';
import type { TrustRoot } from '@tidemark/shared/signing/trust-root.ts';
import { eq } from 'drizzle-orm';
import { beforeEach, describe, expect, it } from 'vitest';
import { testStores } from '../support/database.ts';
import { addHost } from '../support/fingerprint-server.ts';
import { verificationOf } from '../support/patched-hosts.ts';

/* What the controller keeps of signed profiles and of keys for secrets, and what it refuses. */

const freshStore = testStores();
const observer = generateKeyPairSync('ed25519');
const patcher = generateKeyPairSync('ed25519');
const FLEET = 'lab';
const approver = (name: string, { publicKey }: { publicKey: KeyObject }, classes: ('observe' | 'patch')[]) => ({
  ...{ name, classes, publicKey: rawPublicKey(publicKey).toString('base64') },
});
const TRUST_ROOT: TrustRoot = {
  ...{ format: 'tidemark/trust-root/v1', fleet: FLEET, version: 1 },
  approvers: [approver('ada', observer, ['observe']), approver('ben', patcher, ['patch'])],
  thresholds: { observe: 0, patch: 1, command: 1 },
};
const PROFILE: ScanProfile = {
  ...{ name: 'site', version: 1, ignore: [], expect: [] },
  roots: [{ path: '/etc', plane: 'config' }],
};

let store: Store;
let verification: Verification;
let hostId: string;
let known: Awaited<ReturnType<AgentFacts['sealingKeys']>>;
const agent = sealingKeysOf(randomBytes(32));
const sealingKey = agent.publicKey.toString('base64');

beforeEach(async () => {
  store = await freshStore();
  hostId = await addHost(store, 'db01');
  known = new Map([['db01', { hostId, sealingKey, secretKey: null }]]);
  const agents = { sealingKeys: async () => known };
  verification = verificationOf(store, { members: ['db01'], trustRoot: TRUST_ROOT, now: Date.now, agents });
});

const signed = (profile: ScanProfile, by: KeyObject = observer.privateKey, fleet = FLEET) =>
  signScanProfile({ format: 'tidemark/scan-profile/v1', fleet, profile, signedAt: 1 }, [by]);

describe('a scan profile', () => {
  it('that somebody signed is sent to hosts with the signature under it', async () => {
    const envelope = signed(PROFILE);
    expect(await verification.keepProfile({ envelope, by: 'anna' })).toMatchObject({ ok: true });
    expect(await verification.scan({ host: 'db01', by: 'anna', profile: 'site' })).toMatchObject({ ok: true });
    const [due] = await store.db.select().from(outbox).where(eq(outbox.kind, 'observe-scan'));
    expect(due?.payload).toMatchObject({ profile: PROFILE, envelope: JSON.stringify(envelope) });
    const listed = await verification.profiles();
    expect(listed.map(({ profile, source, signedBy, problem }) => [profile.name, source, signedBy, problem])).toEqual([
      ['linux-server', 'built-in', [], null],
      ['site', 'signed', ['ada'], null],
    ]);
  });

  it.each([
    ['by somebody who may only patch', () => signed(PROFILE, patcher.privateKey), 'bad-profile'],
    ['for another fleet', () => signed(PROFILE, observer.privateKey, 'other'), 'bad-profile'],
    ['under the name of one that is built in', () => signed({ ...PROFILE, name: 'linux-server' }), 'profile-exists'],
  ])('signed %s is refused', async (_what, envelope, code) => {
    expect(await verification.keepProfile({ envelope: envelope(), by: 'anna' })).toMatchObject({
      ok: false,
      error: { code },
    });
  });

  it('that has changed needs the next version, and the newest is meant by its name', async () => {
    await verification.keepProfile({ envelope: signed(PROFILE), by: 'anna' });
    const other: ScanProfile = { ...PROFILE, roots: [{ path: '/opt', plane: 'software' }] };
    expect(await verification.keepProfile({ envelope: signed(other), by: 'anna' })).toMatchObject({
      error: { code: 'profile-exists' },
    });
    await verification.keepProfile({ envelope: signed({ ...other, version: 2 }), by: 'anna' });
    for (const name of ['site', 'site@1']) await verification.scan({ host: 'db01', by: 'anna', profile: name });
    const asked = await store.db.select().from(outbox).where(eq(outbox.kind, 'observe-scan')).orderBy(outbox.id);
    expect(asked.map(({ payload }) => (payload as { profile: ScanProfile }).profile.version)).toEqual([2, 1]);
    expect(await verification.removeProfile({ name: 'site', version: 2, by: 'anna' })).toMatchObject({ ok: true });
    expect(await verification.scan({ host: 'db01', by: 'anna', profile: 'site@2' })).toMatchObject({
      error: { code: 'unknown-profile' },
    });
  });

  it('whose signature was exchanged in the database says that hosts will not take it', async () => {
    await verification.keepProfile({ envelope: signed(PROFILE), by: 'anna' });
    await store.db.update(signedProfiles).set({ envelope: JSON.stringify(signed(PROFILE, patcher.privateKey)) });
    expect((await verification.profiles()).at(-1)?.problem).toContain('no trusted key');
  });
});

describe('a key for secrets', () => {
  const secret = randomBytes(32);
  const envelopeOf = (change: Partial<SecretKeyStatement> = {}, by: KeyObject = observer.privateKey) =>
    signSecretKey(
      {
        ...{ format: 'tidemark/secret-key/v1', fleet: FLEET, name: 'orders-db', generation: 1, signedAt: 1 },
        ...{ keyId: secretKeyId(secret), hostId, recipient: sealingKey },
        sealed: sealKey(secret, agent.publicKey, randomBytes).toString('base64'),
        ...change,
      },
      [by],
    );
  const keep = (...envelopes: ReturnType<typeof envelopeOf>[]) =>
    verification.keepSecretKeys({ envelopes, by: 'anna' });
  const sent = () => store.db.select().from(outbox).where(eq(outbox.kind, 'secret-key'));

  it('is made for the members of a cluster, each generation once, and sent', async () => {
    const ask = { name: 'orders-db', clusters: ['orders-db'] };
    const recipients = { generation: 1, hosts: [{ host: 'db01', hostId, sealingKey }] };
    expect(await verification.recipients(ask)).toEqual({ ok: true, value: recipients });
    expect(await keep(envelopeOf())).toMatchObject({ ok: true });
    expect(await sent()).toHaveLength(1);
    expect(await keep(envelopeOf())).toMatchObject({ ok: false, error: { code: 'bad-secret-key' } });
    expect(await sent()).toHaveLength(1);
    expect(await verification.recipients(ask)).toMatchObject({ value: { generation: 2 } });
  });

  it('is refused as a whole where one of it does not count', async () => {
    const bad = [
      envelopeOf({}, patcher.privateKey),
      envelopeOf({ fleet: 'other' }),
      envelopeOf({ hostId: 'nobody' }),
      envelopeOf({ generation: 2 }),
    ];
    for (const envelope of bad) expect(await keep(envelopeOf(), envelope)).toMatchObject({ ok: false });
    expect(await sent()).toEqual([]);
  });

  it('is on its way until the host has told that it has it, and comes again until then', async () => {
    await keep(envelopeOf());
    const state = async () => (await verification.secretKeys()).map(key => key.state);
    expect(await state()).toEqual(['waiting']);
    await store.db.update(outbox).set({ sentAt: new Date() });
    // A server that was set back tells of no key.
    await verification.factsTold({ hostId, facts: { sealingKey } });
    await verification.factsTold({ hostId, facts: { sealingKey } });
    expect((await sent()).filter(({ sentAt }) => sentAt === null)).toHaveLength(1);
    const keyId = secretKeyId(secret);
    known = new Map([['db01', { hostId, sealingKey, secretKey: keyId }]]);
    expect(await state()).toEqual(['taken']);
    await store.db.delete(outbox);
    await verification.factsTold({ hostId, facts: { sealingKey, secretKey: { keyId } } });
    expect(await sent()).toEqual([]);
    known = new Map([['db01', { hostId, sealingKey: 'another', secretKey: null }]]);
    expect(await state()).toEqual(['stale']);
  });
});
