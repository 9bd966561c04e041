import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { present } from '@tidemark/shared/base/assert.ts';
import { digestFromBytes } from '@tidemark/shared/base/digest.ts';
import { leafHash, merkleRoot, proveAll } from '@tidemark/shared/merkle/proof.ts';
import { encodeOrder, type Order } from '@tidemark/shared/orders/order.ts';
import type { RefusalCode } from '@tidemark/shared/orders/refusal.ts';
import type { Call, StepClass } from '@tidemark/shared/orders/step-kinds.ts';
import { signApproval } from '@tidemark/shared/signing/approval.ts';
import { encodeEnvelope } from '@tidemark/shared/signing/dsse.ts';
import { rawPublicKey } from '@tidemark/shared/signing/ed25519.ts';
import type { TrustRoot } from '@tidemark/shared/signing/trust-root.ts';
import { describe, expect, it } from 'vitest';
import { type AcceptanceGround, accept, type Offer } from './accept.ts';
import { command, FLEET, HOST_ID, jobOf, orderOf } from './testing.fixture.ts';

const approver = generateKeyPairSync('ed25519');
const stranger = generateKeyPairSync('ed25519');
const DELETE: Call = { kind: 'snapshot/delete', args: { name: 'x' } };

const trustRoot = (classes: StepClass[] = ['observe', 'patch', 'command'], need = 1): TrustRoot => ({
  format: 'tidemark/trust-root/v1',
  fleet: FLEET,
  version: 1,
  approvers: [{ name: 'a', publicKey: rawPublicKey(approver.publicKey).toString('base64'), classes }],
  thresholds: { observe: 0, patch: 1, command: need },
});

function offerOf(order: Order, key: KeyObject = approver.privateKey, expiresAt = 5_000): Offer {
  const bytes = encodeOrder(order);
  // A header and one order, as plans are.
  const leaves = [leafHash(Buffer.from('header')), leafHash(bytes)];
  const plan = digestFromBytes(merkleRoot(leaves));
  const approval = signApproval(
    { format: 'tidemark/approval/v1', fleet: FLEET, plan, gate: 'plan', approvedAt: 0, expiresAt },
    key,
  );
  return { order: bytes, proof: present(proveAll(leaves)[1], 'proof'), approvals: [encodeEnvelope(approval)] };
}

const good = orderOf([jobOf('a', DELETE)]);
const ground: AcceptanceGround = {
  trustRoot: trustRoot(),
  hostId: HOST_ID,
  policy: { kinds: ['*'], programs: ['/**'], paths: ['/**'] },
  acceptedAt: null,
  hasSpace: true,
  now: 500,
};

describe('an offered order', () => {
  it('that is approved, for this server and in time is taken', () => {
    const taken = accept(offerOf(good), ground);
    expect(taken).toMatchObject({ ok: true, value: { order: good } });
  });

  it.each<[string, Offer, Partial<AcceptanceGround>, RefusalCode]>([
    ['was taken before', offerOf(good), { acceptedAt: 1 }, 'already-accepted'],
    ['is approved by a stranger', offerOf(good, stranger.privateKey), {}, 'not-approved'],
    ['has an approval that expired', offerOf(good, approver.privateKey, 400), {}, 'not-approved'],
    ['has no approval', { ...offerOf(good), approvals: [] }, {}, 'not-approved'],
    ['has garbage for an approval', { ...offerOf(good), approvals: [Buffer.from('{')] }, {}, 'not-approved'],
    [
      'has a proof of another tree',
      { ...offerOf(good), proof: { leafIndex: 0, leafCount: 2, path: [] } },
      {},
      'bad-proof',
    ],
    ['was changed', { ...offerOf(good), order: encodeOrder(orderOf([jobOf('b', DELETE)])) }, {}, 'not-approved'],
    ['is for another server', offerOf(good), { hostId: '00000000-0000-4000-8000-000000000000' }, 'wrong-host'],
    ['is for another fleet', offerOf(orderOf([jobOf('a', DELETE)], { fleet: 'other' })), {}, 'wrong-fleet'],
    ['is no order', offerOf({ ...good, jobs: [] }), {}, 'bad-order'],
    [
      'has a kind that is not in the vocabulary',
      offerOf(orderOf([jobOf('a', { kind: 'disk/format', args: {} } as never)])),
      {},
      'bad-order',
    ],
    [
      'needs more approvals',
      offerOf(orderOf([jobOf('a', command('/bin/x'))])),
      { trustRoot: trustRoot(['observe', 'patch', 'command'], 2) },
      'not-approved',
    ],
    [
      'hides a command in an undo',
      offerOf(orderOf([jobOf('a', DELETE, { undo: command('/bin/x') })])),
      { trustRoot: trustRoot(['observe', 'patch']) },
      'not-approved',
    ],
    ['is late', offerOf(good), { now: 1_001 }, 'expired'],
    [
      'is not permitted here',
      offerOf(good),
      { policy: { kinds: ['check/*'], programs: [], paths: [] } },
      'not-permitted',
    ],
    ['finds no space', offerOf(good), { hasSpace: false }, 'no-space'],
  ])('that %s is refused', (_what, offer, part, code) => {
    const refused = accept(offer, { ...ground, ...part });
    expect(refused).toMatchObject({ ok: false, error: { code } });
    if (!refused.ok) expect(refused.error.message.length).toBeGreaterThan(20);
  });

  it('that was taken at its last moment is not late', () => {
    expect(accept(offerOf(good), { ...ground, now: 1_000 }).ok).toBe(true);
  });
});
