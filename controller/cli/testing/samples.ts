import { assert } from '@tidemark/shared/base/assert.ts';
import type { Job, Order } from '@tidemark/shared/orders/order.ts';
import { encodePlan, openPlan, type Plan, PlanHeader, type WrittenPlanHeader } from '@tidemark/shared/orders/plan.ts';
import type { DriftReport } from '../../api/contract/fingerprints.ts';
import type { RunHost, RunJob, RunView } from '../../api/contract/runs.ts';

/** Things to show, for tests: small, and with every part filled in. */

export const AT = Date.parse('2026-03-21T21:00:00Z');
const WEB01 = '11111111-1111-4111-8111-111111111111';
const DB01 = '22222222-2222-4222-8222-222222222222';
const OLD = `sha256:${'a'.repeat(64)}` as const;

const job = (change: Pick<Job, 'id' | 'step' | 'name' | 'call'> & Partial<Job>): Job => ({
  component: null,
  reason: 'the policy says so',
  undo: null,
  timeoutMs: 60_000,
  expectedMs: 2_000,
  retries: { max: 0, backoffMs: 0 },
  onFailure: 'undo-host',
  notBefore: AT,
  notAfter: AT + 14_400_000,
  ...change,
});

const order = (id: string, name: string, jobs: Job[]): Order => ({
  format: 'tidemark/order/v1',
  fleet: 'test-fleet',
  host: { id, name },
  plan: { name: 'orders-monthly', compiledAt: AT },
  jobs,
});

export const sampleHeader: PlanHeader = PlanHeader.parse({
  format: 'tidemark/plan/v1',
  name: 'orders-monthly',
  fleet: 'test-fleet',
  author: 'olga',
  compiledAt: AT,
  policy: { name: 'orders-monthly', owner: 'team-orders', digest: OLD },
  landscapeVersion: 3,
  bundle: { name: 'spring', digest: OLD },
  window: { start: AT, end: AT + 14_400_000, reserveMs: 1_800_000, timezone: 'Europe/Berlin' },
  hosts: [
    {
      id: WEB01,
      name: 'web01',
      application: 'orders',
      tiers: ['web'],
      cluster: null,
      clusterRole: null,
      wave: 'canary',
      unit: 'web01',
      changes: [{ component: 'orders-web', product: 'orders-web', from: '1.4.0', to: '1.4.1' }],
    },
    {
      id: DB01,
      name: 'db01',
      application: 'orders',
      tiers: ['db'],
      cluster: 'ordersdb',
      clusterRole: 'active',
      wave: 'rest',
      unit: 'db01',
      changes: [{ component: 'orders-db', product: 'orders-db', from: null, to: '1.4.1' }],
    },
  ],
  waves: [
    { name: 'canary', needs: [], maxParallel: 1, soakMs: 1_200_000 },
    { name: 'rest', needs: ['canary'], maxParallel: 25, soakMs: 0 },
  ],
  precedences: [
    {
      before: { host: 'web01', job: 'stop:orders-web' },
      after: { host: 'db01', job: 'handover' },
      reason: 'web is above db',
    },
  ],
  limits: [{ name: 'orders/web', hosts: ['web01'], maxOut: 1, reason: 'half of web stays in service' }],
  clusters: [
    { name: 'ordersdb', members: ['db01', 'db02'], activeWhen: 'facts.role == "active"', onFailure: 'hold-cluster' },
  ],
  budgets: [{ scope: 'wave', of: 'canary', maxFailed: 0, maxFailedShare: null, action: 'stop' }],
  approvals: [{ gate: 'plan', from: ['app-owner'], need: 1, notAuthor: true }],
  excluded: [{ host: 'web02', reason: 'it is frozen' }],
} satisfies WrittenPlanHeader);

export const sampleDocument = encodePlan(sampleHeader, [
  order(WEB01, 'web01', [
    job({
      id: 'stop:orders-web',
      step: 'stop',
      name: 'stop web orders-web on web01',
      component: 'orders-web',
      call: {
        kind: 'service/stop',
        args: {
          component: 'orders-web',
          waitMs: 1_000,
          service: {
            provider: 'script',
            start: ['/opt/orders-web/bin/start'],
            stop: ['/opt/orders-web/bin/stop', '--now'],
            status: ['/opt/orders-web/bin/status'],
          },
        },
      },
    }),
  ]),
  order(DB01, 'db01', [
    job({
      id: 'handover',
      step: 'handover',
      name: 'hand over cluster ordersdb from db01',
      onFailure: 'hold',
      call: {
        kind: 'cluster/handover',
        args: {
          cluster: 'ordersdb',
          command: ['/opt/orders-db/bin/handover', 'to the peer'],
          confirm: ['/opt/orders-db/bin/is-standby'],
          waitMs: 1_000,
        },
      },
    }),
  ]),
]);

export const samplePlan: Plan = readSample();

function readSample(): Plan {
  const opened = openPlan(sampleDocument);
  assert(opened.ok, 'the sample is a sound plan');
  return opened.value;
}

export const iso = (afterMs: number): string => new Date(AT + afterMs).toISOString();

export const sampleJob = (change: Partial<RunJob>): RunJob => ({
  position: 0,
  job: 'stop:orders-web',
  step: 'stop',
  name: 'stop web orders-web on web01',
  state: 'pending',
  direction: 'forward',
  attempt: 0,
  message: '',
  expectedMs: 2_000,
  startedAt: null,
  endedAt: null,
  ...change,
});

export const sampleHost = (change: Partial<RunHost>): RunHost => ({
  host: 'web01',
  hostId: WEB01,
  wave: 'canary',
  state: 'waiting',
  reason: '',
  connected: true,
  frontier: 0,
  direction: 'forward',
  startedAt: null,
  endedAt: null,
  expectedEndAt: null,
  jobs: [
    sampleJob({}),
    sampleJob({ position: 1, job: 'patch:orders-web', step: 'patch', name: 'patch orders-web on web01' }),
  ],
  ...change,
});

export const sampleRun = (change: Partial<RunView>): RunView => ({
  id: 'r1',
  plan: samplePlan.digest,
  name: 'orders-monthly',
  state: 'running',
  reason: '',
  startedBy: 'olga',
  startedAt: iso(0),
  endedAt: null,
  window: { start: iso(0), end: iso(14_400_000) },
  expectedEndAt: iso(600_000),
  waves: [
    { name: 'canary', state: 'open', openedAt: iso(0), endedAt: null },
    { name: 'rest', state: 'waiting', openedAt: null, endedAt: null },
  ],
  hosts: [sampleHost({}), sampleHost({ host: 'db01', hostId: DB01, wave: 'rest' })],
  openIncidents: 0,
  asOf: iso(65_000),
  ...change,
});

export const sampleDrift: DriftReport = {
  host: 'db02',
  against: 'db01',
  scannedAt: iso(0),
  againstScannedAt: iso(-60_000),
  identical: false,
  sentence: '2 differences: 1 modified-packaged, 1 unmanaged-executable',
  patches: 0,
  groups: [
    {
      cause: 'files of a product were changed',
      class: 'modified-packaged',
      product: 'orders-db',
      entries: [
        {
          class: 'modified-packaged',
          product: 'orders-db',
          plane: 'software',
          path: '/opt/orders-db/current/bin/serve',
          expected: `sha256:${'1'.repeat(64)}`,
          found: `sha256:${'2'.repeat(64)}`,
          note: '',
        },
      ],
    },
    {
      cause: 'programs that nobody delivered',
      class: 'unmanaged-executable',
      product: null,
      entries: [
        {
          class: 'unmanaged-executable',
          product: null,
          plane: 'software',
          path: '/opt/\u001b[31mevil',
          expected: null,
          found: `sha256:${'3'.repeat(64)}`,
          note: 'appeared since yesterday',
        },
      ],
    },
  ],
};

/** As a capability gives it: times in milliseconds. */
export const sampleForecast = {
  repetitions: 200,
  end: { p50: AT + 3_600_000, p90: AT + 5_400_000 },
  marginMs: 1_800_000,
  late: [],
  binds: [],
};
