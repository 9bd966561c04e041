import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { present } from '../base/assert.ts';
import { canonicalJson } from '../base/canonical-json.ts';
import { digestFromBytes } from '../base/digest.ts';
import { rootFromProof } from '../merkle/proof.ts';
import { hostId, patchJob, sampleHeader, sampleJob, sampleOrder, samplePlan } from '../testing/samples.ts';
import type { Order } from './order.ts';
import { encodePlan, openPlan, orderDigest, type PlanDocument, type WrittenPlanHeader } from './plan.ts';

const orderOf = (number: number): Order => sampleOrder({ host: { id: hostId(number), name: `host-${number}` } });

const orders = [orderOf(1), orderOf(2), orderOf(3)];

describe('a plan', () => {
  it('reads back as it was written', () => {
    const plan = samplePlan(orders);
    expect(plan.header).toEqual(sampleHeader(orders));
    expect(plan.orders.map(each => each.order)).toEqual(orders);
  });

  it('has one digest, in whatever order its hosts were given', () => {
    fc.assert(
      fc.property(fc.shuffledSubarray(orders, { minLength: 3 }), shuffled => {
        const plan = openPlan(encodePlan(sampleHeader(orders), shuffled));
        expect(plan.ok && plan.value.digest).toBe(samplePlan(orders).digest);
      }),
    );
  });

  it('proves each of its orders', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 40 }), count => {
        const plan = samplePlan(Array.from({ length: count }, (_, index) => orderOf(index + 1)));
        for (const each of plan.orders) {
          const root = rootFromProof(each.bytes, each.proof);
          expect(root && digestFromBytes(root)).toBe(plan.digest);
          expect(orderDigest(each.bytes)).toBe(each.digest);
        }
      }),
    );
  });

  it('has another digest with any member of its header changed', () => {
    const digest = samplePlan(orders).digest;
    const changes: Partial<WrittenPlanHeader>[] = [
      { author: 'bob' },
      { landscapeVersion: 2 },
      { waves: [{ name: 'all', needs: [], maxParallel: 11, soakMs: 0 }] },
      { budgets: [{ scope: 'run', of: null, maxFailed: 1, maxFailedShare: null, action: 'pause' }] },
      { limits: [{ name: 'web', hosts: ['host-1'], maxOut: 1, reason: 'half stays' }] },
      { excluded: [{ host: 'host-9', reason: 'frozen' }] },
    ];
    const others = changes.map(change => samplePlan(orders, change).digest);
    expect(new Set([digest, ...others]).size).toBe(changes.length + 1);
  });

  it('has another digest with any job of any host changed', () => {
    const changed = [...orders.slice(0, 2), { ...orderOf(3), jobs: [sampleJob({ timeoutMs: 60_001 })] }];
    expect(samplePlan(changed).digest).not.toBe(samplePlan(orders).digest);
  });

  it('may have no orders, when all hosts are left out', () => {
    expect(samplePlan([], { excluded: [{ host: 'db01', reason: 'frozen' }] }).orders).toEqual([]);
  });
});

describe('a plan document that is refused', () => {
  const document = encodePlan(sampleHeader(orders), orders);
  const withHeader = (change: Partial<WrittenPlanHeader>): PlanDocument => ({
    ...document,
    header: canonicalJson(sampleHeader(orders, change)),
  });
  const hosts = sampleHeader(orders).hosts;
  const planned = present(hosts[0], 'host');
  const jobs = { before: { host: 'host-1', job: 'space' }, after: { host: 'host-2', job: 'nothing' } };

  it.each<[string, PlanDocument, string]>([
    ['the header is no JSON', { ...document, header: '{' }, 'not JSON'],
    ['the header has an unknown member', { ...document, header: document.header.replace('{', '{"x":1,') }, 'header'],
    ['an order is no order', { ...document, orders: ['{}'] }, 'order 0'],
    ['an order is missing', { ...document, orders: document.orders.slice(1) }, 'list other hosts'],
    ['an order is there twice', { ...document, orders: [document.orders[0] ?? '', ...document.orders] }, 'not sorted'],
    ['the orders are not sorted', { ...document, orders: [...document.orders].reverse() }, 'not sorted'],
    ['the header lists a host twice', withHeader({ hosts: [...hosts, planned] }), 'list other hosts'],
    [
      'the header calls a host otherwise',
      withHeader({ hosts: [{ ...planned, name: 'harmless' }, ...hosts.slice(1)] }),
      'does not list host-1',
    ],
    ['the orders are for another fleet', withHeader({ fleet: 'prod' }), 'of another plan'],
    ['the orders are of another plan', withHeader({ name: 'yearly' }), 'of another plan'],
    ['a precedence names no job', withHeader({ precedences: [{ ...jobs, reason: 'x' }] }), 'nothing on host-2'],
  ])('because %s', (_, spoiled, message) => {
    const result = openPlan(spoiled);
    expect(result.ok).toBe(false);
    if (!result.ok) expect(result.error).toContain(message);
  });

  it('is another plan with white space in an order: what counts are bytes', () => {
    const spaced = { ...document, orders: document.orders.map(text => `${text} `) };
    const opened = openPlan(spaced);
    expect(opened.ok && opened.value.digest).not.toBe(samplePlan(orders).digest);
  });

  it('does not take the header for an order', () => {
    const taken = openPlan({ ...document, orders: [document.header, ...document.orders] });
    expect(taken.ok).toBe(false);
  });

  it('keeps undo and call apart in the digest', () => {
    const { undo: _, ...rest } = patchJob();
    const without = samplePlan([sampleOrder({ jobs: [{ ...rest, undo: null }] })]);
    expect(without.digest).not.toBe(samplePlan([sampleOrder({ jobs: [patchJob()] })]).digest);
  });
});
