import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { PayloadType, signEnvelope } from '@tidemark/shared/signing/dsse.ts';
import { rawPublicKey } from '@tidemark/shared/signing/ed25519.ts';
import { encodeTrustRoot } from '@tidemark/shared/signing/trust-root.ts';
import { describe, expect, it } from 'vitest';
import { createTrust, type StoredTrustRoot } from './trust.ts';

const newKey = () => generateKeyPairSync('ed25519').privateKey;

function signedRoot(version: number, approver: KeyObject, signers: KeyObject[], fleet = 'f') {
  const root = {
    format: 'tidemark/trust-root/v1' as const,
    fleet,
    version,
    approvers: [
      {
        name: 'anna',
        publicKey: rawPublicKey(approver).toString('base64'),
        classes: ['patch' as const, 'command' as const],
      },
    ],
    thresholds: { observe: 0, patch: 1, command: 1 },
  };
  return signEnvelope(PayloadType.trustRoot, encodeTrustRoot(root), signers);
}

function inMemory() {
  const stored: StoredTrustRoot[] = [];
  const audited: string[] = [];
  const trust = createTrust({
    fleet: 'f',
    clock: { now: () => 7, monotonic: () => 0 },
    store: {
      all: async () => stored,
      transaction: work =>
        work({
          allLocked: async () => stored,
          add: async root => void stored.push(root),
          audit: async ({ action }) => void audited.push(action),
        }),
    },
  });
  return { trust, stored, audited };
}

describe('trust roots', () => {
  it('takes the first one and shows who may approve', async () => {
    const { trust, audited } = inMemory();
    const key = newKey();
    expect(await trust.current()).toBeNull();
    expect(await trust.set({ envelope: signedRoot(1, key, [key]), by: 'admin' })).toEqual({
      ok: true,
      value: { version: 1 },
    });
    expect(await trust.current()).toMatchObject({ version: 1, approvers: [{ name: 'anna' }] });
    expect(audited).toEqual(['trust-root.installed']);
  });

  it('takes the same one again without a change', async () => {
    const { trust, stored, audited } = inMemory();
    const key = newKey();
    const envelope = signedRoot(1, key, [key]);
    await trust.set({ envelope, by: 'admin' });
    expect(await trust.set({ envelope, by: 'admin' })).toEqual({ ok: true, value: { version: 1 } });
    expect(stored).toHaveLength(1);
    expect(audited).toHaveLength(1);
  });

  it('takes a successor that the old and the new approvers signed', async () => {
    const { trust } = inMemory();
    const [old, next] = [newKey(), newKey()];
    await trust.set({ envelope: signedRoot(1, old, [old]), by: 'admin' });
    expect(await trust.set({ envelope: signedRoot(2, next, [old, next]), by: 'admin' })).toMatchObject({ ok: true });
    expect(await trust.current()).toMatchObject({ version: 2 });
  });

  it.each([
    [
      'a successor that the old approvers did not sign',
      (_: KeyObject, other: KeyObject) => signedRoot(2, other, [other]),
    ],
    ['a version that is left out', (key: KeyObject) => signedRoot(3, key, [key])],
    ['another first version', (key: KeyObject, other: KeyObject) => signedRoot(1, other, [key, other])],
  ])('refuses %s and says what to do', async (_, make) => {
    const { trust, stored } = inMemory();
    const key = newKey();
    await trust.set({ envelope: signedRoot(1, key, [key]), by: 'admin' });
    const refused = await trust.set({ envelope: make(key, newKey()), by: 'admin' });
    expect(refused).toMatchObject({
      ok: false,
      error: { code: 'trust-root-stale', message: expect.stringContaining('--after') },
    });
    expect(stored).toHaveLength(1);
  });

  it.each([
    ['one that nobody signed who is in it', 'trust-root-invalid', 'f'],
    ['one of another fleet', 'wrong-fleet', 'elsewhere'],
  ])('refuses as the first %s', async (_, code, fleet) => {
    const { trust, stored } = inMemory();
    const key = newKey();
    const envelope = signedRoot(1, key, [fleet === 'f' ? newKey() : key], fleet);
    expect(await trust.set({ envelope, by: 'admin' })).toMatchObject({ ok: false, error: { code } });
    expect(stored).toEqual([]);
  });

  it('does not show a root that was written into the database past it', async () => {
    const { trust, stored } = inMemory();
    const key = newKey();
    stored.push({ version: 1, envelope: JSON.stringify(signedRoot(1, key, [newKey()])) });
    await expect(trust.current()).rejects.toThrow('damaged');
  });
});
