import type { KeyObject } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { present } from '../base/assert.ts';
import type { Digest } from '../base/digest.ts';
import type { Order } from '../orders/order.ts';
import {
  commandJob,
  hostId,
  NOW,
  newKey,
  patchJob,
  sampleJob,
  sampleOrder,
  samplePlan,
  sampleTrustRoot,
} from '../testing/samples.ts';
import { type Approval, type OfferedOrder, signApproval, verifyApproval, verifyOrder } from './approval.ts';
import { type Envelope, PayloadType, signEnvelope } from './dsse.ts';
import type { TrustRoot } from './trust-root.ts';

const HOUR_MS = 3_600_000;
const [alice, bob] = [newKey(), newKey()];
const root = sampleTrustRoot([alice, bob]);

const orders = [sampleOrder(), sampleOrder({ host: { id: hostId(2), name: 'db02' } })];
const plan = samplePlan(orders);

function approve(digest: Digest, keys: readonly KeyObject[] = [alice], change: Partial<Approval> = {}): Envelope[] {
  return keys.map(key =>
    signApproval(
      {
        format: 'tidemark/approval/v1',
        fleet: 'lab',
        plan: digest,
        gate: 'plan',
        approvedAt: NOW,
        expiresAt: NOW + HOUR_MS,
        ...change,
      },
      key,
    ),
  );
}

function offer(of = plan, index = 0, approvals = approve(of.digest)): OfferedOrder {
  const { bytes, proof } = present(of.orders[index], 'order');
  return { bytes, proof, approvals };
}

const verify = (offered: OfferedOrder, trust: TrustRoot = root, host = hostId(1), now = NOW) =>
  verifyOrder(offered, trust, host, now);

describe('an approval', () => {
  it('counts for whoever signed it', () => {
    const [envelope] = approve(plan.digest, [bob]);
    const result = verifyApproval(present(envelope, 'envelope'), root, plan.digest, NOW);
    expect(result.ok && result.value.approvers.map(approver => approver.name)).toEqual(['approver-2']);
  });

  it.each<[string, Partial<Approval>, number]>([
    ['another fleet', { fleet: 'prod' }, NOW],
    ['another plan', { plan: samplePlan(orders.slice(1)).digest }, NOW],
    ['a time that is over', {}, NOW + HOUR_MS],
    ['another gate', { gate: 'wave' as 'plan' }, NOW],
    ['a format of the future', { format: 'tidemark/approval/v2' as 'tidemark/approval/v1' }, NOW],
  ])('does not count for %s', (_, change, now) => {
    const [envelope] = approve(plan.digest, [alice], change);
    expect(verifyApproval(present(envelope, 'envelope'), root, plan.digest, now).ok).toBe(false);
  });

  it('is no other signed text with the same content', () => {
    const [envelope] = approve(plan.digest);
    const payload = Buffer.from(present(envelope, 'envelope').payload, 'base64');
    const asDispatch = signEnvelope(PayloadType.dispatch, payload, [alice]);
    expect(verifyApproval({ ...asDispatch, payloadType: PayloadType.approval }, root, plan.digest, NOW).ok).toBe(false);
  });
});

describe('an order that is offered', () => {
  it('is accepted with its proof and an approval of its plan', () => {
    expect(verify(offer())).toMatchObject({
      ok: true,
      value: { plan: plan.digest, digest: plan.orders[0]?.digest, order: { host: { name: 'db01' } } },
    });
  });

  it('is refused with any byte changed', () => {
    const good = offer();
    for (let index = 0; index < good.bytes.length; index += 7) {
      const bytes = Uint8Array.from(good.bytes);
      bytes[index] = (bytes[index] ?? 0) ^ 1;
      expect(verify({ ...good, bytes })).toMatchObject({ ok: false, error: { code: 'not-approved' } });
    }
  });

  it('is refused with the proof of another order', () => {
    expect(verify({ ...offer(), proof: offer(plan, 1).proof }).ok).toBe(false);
  });

  it('is refused with a proof that is none', () => {
    const { proof } = offer();
    expect(verify({ ...offer(), proof: { ...proof, leafIndex: 99 } })).toMatchObject({ error: { code: 'bad-proof' } });
    expect(verify({ ...offer(), proof: { ...proof, path: [] } })).toMatchObject({ error: { code: 'bad-proof' } });
  });

  it('is refused on another host', () => {
    expect(verify(offer(), root, hostId(2))).toMatchObject({ error: { code: 'wrong-host' } });
  });

  it('is refused on a host of another fleet', () => {
    const other = sampleTrustRoot([alice], { fleet: 'prod' });
    const approvals = approve(plan.digest, [alice], { fleet: 'prod' });
    expect(verify(offer(plan, 0, approvals), other)).toMatchObject({ error: { code: 'wrong-fleet' } });
  });

  it.each([
    ['without an approval', []],
    ['with the approval of another plan', approve(samplePlan(orders.slice(1)).digest)],
    ['with the approval of a stranger', approve(plan.digest, [newKey()])],
    ['with an approval that has expired', approve(plan.digest, [alice], { expiresAt: NOW })],
  ])('is refused %s', (_, approvals) => {
    expect(verify(offer(plan, 0, approvals))).toMatchObject({ error: { code: 'not-approved' } });
  });

  it('is accepted when one of several approvals counts', () => {
    const approvals = [...approve(plan.digest, [newKey()]), ...approve(plan.digest, [bob])];
    expect(verify(offer(plan, 0, approvals)).ok).toBe(true);
  });

  it('cannot be the header of an approved plan', () => {
    const header = Buffer.from(JSON.stringify(plan.header));
    expect(verify({ ...offer(), bytes: header }).ok).toBe(false);
  });
});

describe('the approvals that an order needs', () => {
  const strict = sampleTrustRoot([alice, bob], { thresholds: { observe: 0, patch: 1, command: 2 } });
  const planOf = (change: Partial<Order>) => samplePlan([sampleOrder(change)]);
  const commands = planOf({ jobs: [patchJob(), commandJob()] });

  it.each([
    { name: 'patches', jobs: [patchJob()], keys: [alice], ok: true },
    { name: 'runs a command', jobs: [commandJob()], keys: [alice], ok: false },
    { name: 'runs a command', jobs: [commandJob()], keys: [alice, alice], ok: false },
    { name: 'runs a command', jobs: [commandJob()], keys: [alice, bob], ok: true },
    { name: 'only observes', jobs: [sampleJob()], keys: [], ok: false },
  ])('$name, with $keys.length approvals: $ok', ({ jobs, keys, ok }) => {
    const of = planOf({ jobs });
    expect(verify(offer(of, 0, approve(of.digest, keys)), strict).ok).toBe(ok);
  });

  it('are counted over all envelopes', () => {
    const approvals = [...approve(commands.digest, [alice]), ...approve(commands.digest, [bob])];
    expect(verify(offer(commands, 0, approvals), strict).ok).toBe(true);
  });

  it('are not counted twice for one approver with two approvals', () => {
    const approvals = [
      ...approve(commands.digest, [alice]),
      ...approve(commands.digest, [alice], { approvedAt: NOW + 1 }),
    ];
    expect(verify(offer(commands, 0, approvals), strict)).toMatchObject({
      error: { message: 'steps of class command need 2 approvals, the order has 1 that count' },
    });
  });

  it('count only for the classes that the approver may approve', () => {
    const limited = sampleTrustRoot([alice, bob], { thresholds: { observe: 0, patch: 1, command: 1 } });
    for (const approver of limited.approvers.slice(0, 1)) approver.classes = ['patch'];
    expect(verify(offer(commands, 0, approve(commands.digest, [alice])), limited).ok).toBe(false);
    expect(verify(offer(commands, 0, approve(commands.digest, [bob])), limited).ok).toBe(true);
  });

  it('are needed for what an undo would do, too', () => {
    const hidden = planOf({ jobs: [patchJob({ undo: commandJob().call })] });
    expect(verify(offer(hidden, 0, approve(hidden.digest, [alice])), strict).ok).toBe(false);
  });
});
