import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import type { Job, Order } from '../orders/order.ts';
import { encodePlan, openPlan, type Plan, PlanHeader, type WrittenPlanHeader } from '../orders/plan.ts';
import { rawPublicKey } from '../signing/ed25519.ts';
import type { TrustRoot } from '../signing/trust-root.ts';

/* Small, valid things for tests to take and spoil. No product code imports this. */

/** 2026-03-14T20:00:00Z */
export const NOW = Date.UTC(2026, 2, 14, 20);
const HOUR_MS = 3_600_000;
const ZERO_DIGEST = `sha256:${'0'.repeat(64)}` as const;

/** A host id that is readable in a failure: `host-id(7)` ends in ...007. */
export const hostId = (number: number): string => `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`;

export const newKey = (): KeyObject => generateKeyPairSync('ed25519').privateKey;

export const sampleJob = (change: Partial<Job> = {}): Job => ({
  id: 'space',
  step: 'space',
  name: 'check disk on db01',
  component: null,
  reason: 'the standard steps begin with it',
  call: { kind: 'check/disk', args: { needs: [{ path: '/opt', bytes: 1_000 }] } },
  undo: null,
  timeoutMs: 60_000,
  expectedMs: 200,
  retries: { max: 0, backoffMs: 0 },
  onFailure: 'undo-host',
  notBefore: NOW,
  notAfter: NOW + HOUR_MS,
  ...change,
});

/** A job of class `patch`. */
export const patchJob = (change: Partial<Job> = {}): Job => {
  const release = { product: 'orders-db', version: '1.4.1', home: '/opt/orders-db' };
  return sampleJob({
    id: 'patch:orders-db',
    step: 'patch',
    name: 'install orders-db 1.4.1 on db01',
    call: { kind: 'archive/install', args: { ...release, digest: ZERO_DIGEST } },
    undo: { kind: 'archive/activate', args: { ...release, version: '1.4.0' } },
    ...change,
  });
};

/** A job of class `command`. */
export const commandJob = (change: Partial<Job> = {}): Job =>
  sampleJob({
    id: 'run',
    step: 'run',
    name: 'run /usr/bin/true on db01',
    call: { kind: 'command/run', args: { command: ['/usr/bin/true'], expectStatus: [0] } },
    ...change,
  });

export const sampleOrder = (change: Partial<Order> = {}): Order => ({
  format: 'tidemark/order/v1',
  fleet: 'lab',
  host: { id: hostId(1), name: 'db01' },
  plan: { name: 'monthly', compiledAt: NOW },
  jobs: [sampleJob(), patchJob()],
  ...change,
});

export const sampleHeader = (orders: readonly Order[], change: Partial<WrittenPlanHeader> = {}): PlanHeader =>
  PlanHeader.parse({
    format: 'tidemark/plan/v1',
    name: 'monthly',
    fleet: 'lab',
    author: 'alice',
    compiledAt: NOW,
    policy: { name: 'monthly', owner: 'team-orders', digest: ZERO_DIGEST },
    landscapeVersion: 1,
    bundle: { name: '1.4.1', digest: ZERO_DIGEST },
    window: { start: NOW, end: NOW + HOUR_MS, reserveMs: 0, timezone: 'UTC' },
    hosts: orders.map(order => ({
      id: order.host.id,
      name: order.host.name,
      application: 'orders',
      tiers: ['db'],
      cluster: null,
      clusterRole: null,
      wave: 'all',
      unit: order.host.name,
      changes: [],
    })),
    waves: [{ name: 'all', needs: [], maxParallel: 10, soakMs: 0 }],
    precedences: [],
    limits: [],
    clusters: [],
    budgets: [],
    approvals: [],
    excluded: [],
    ...change,
  } satisfies WrittenPlanHeader);

/** A plan over these orders. Throws where they do not make one. */
export function samplePlan(orders: readonly Order[], change: Partial<WrittenPlanHeader> = {}): Plan {
  const plan = openPlan(encodePlan(sampleHeader(orders, change), orders));
  if (!plan.ok) throw new Error(plan.error);
  return plan.value;
}

/** A trust root in which each of these keys may approve everything. */
export const sampleTrustRoot = (keys: readonly KeyObject[], change: Partial<TrustRoot> = {}): TrustRoot => ({
  format: 'tidemark/trust-root/v1',
  fleet: 'lab',
  version: 1,
  approvers: keys.map((key, index) => ({
    name: `approver-${index + 1}`,
    publicKey: rawPublicKey(key).toString('base64'),
    classes: ['observe', 'patch', 'command'],
  })),
  thresholds: { observe: 0, patch: 1, command: 1 },
  ...change,
});
