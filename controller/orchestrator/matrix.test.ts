import { PlanHeader } from '@tidemark/shared/orders/plan.ts';
import { expect, it } from 'vitest';
import { matrixOf } from './matrix.ts';

type View = Parameters<typeof matrixOf>[0];
type Job = View['hosts'][number]['jobs'][number];

const DIGEST = `sha256:${'a'.repeat(64)}`;
const ID = '11111111-1111-4111-8111-111111111111';

const header = PlanHeader.parse({
  ...{ format: 'tidemark/plan/v1', name: 'night', fleet: 'f', author: 'olga', compiledAt: 0, landscapeVersion: 1 },
  policy: { name: 'p', owner: 'o', digest: DIGEST },
  bundle: { name: 'b', digest: DIGEST },
  window: { start: 0, end: 100, reserveMs: 7, timezone: 'UTC' },
  hosts: [
    {
      ...{ id: ID, name: 'db01', application: 'orders', tiers: ['db'], cluster: 'ordersdb', clusterRole: 'active' },
      ...{ wave: 'rest', unit: 'db01', changes: [] },
    },
  ],
  ...{ waves: [], precedences: [], limits: [], clusters: [], budgets: [], approvals: [], excluded: [] },
});

const job = (position: number, step: string, state: Job['state'], direction: Job['direction'] = 'forward'): Job => ({
  ...{ position, step, state, direction, job: `${step}:${position}`, name: step, attempt: 1, attempts: 1 },
  ...{ message: '', expectedMs: 1, startedAt: null, endedAt: null },
});

const host = (hostId: string, jobs: Job[]): View['hosts'][number] => ({
  ...{ host: hostId === ID ? 'db01' : 'gone', hostId, wave: 'rest', state: 'running', reason: '', connected: true },
  ...{ frontier: 0, direction: 'forward', startedAt: null, endedAt: null, expectedEndAt: null, jobs },
});

const matrix = (...hosts: View['hosts']) =>
  matrixOf(
    {
      ...{ id: 'r1', plan: DIGEST, name: 'night', state: 'running', reason: '', startedBy: 'olga', startedAt: 0 },
      ...{ endedAt: null, window: { start: 0, end: 100 }, expectedEndAt: null, waves: [], hosts },
      ...{ openIncidents: 0, asOf: 1 },
    },
    header,
  );

it('has a letter a step, of the job that says most, and what a host is part of', () => {
  const { steps, hosts, window } = matrix(
    host(ID, [job(0, 'stop', 'succeeded'), job(1, 'stop', 'running'), job(2, 'patch', 'pending')]),
    host('22222222-2222-4222-8222-222222222222', [job(0, 'stop', 'succeeded')]),
  );
  expect(steps).toEqual(['stop', 'patch']);
  expect(hosts.map(({ host: name, cells }) => [name, cells])).toEqual([
    ['db01', 'Rp'],
    ['gone', 's.'],
  ]);
  expect(hosts[0]).toMatchObject({ application: 'orders', cluster: 'ordersdb', tiers: ['db'] });
  expect(window).toEqual({ start: 0, end: 100, reserveMs: 7 });
});

it('puts steps into the order of the hosts, also where the first host has not all of them', () => {
  const of = (...steps: string[]) =>
    host(
      ID,
      steps.map((step, at) => job(at, step, 'pending')),
    );
  expect(matrix(of('stop', 'start', 'verify'), of('space', 'stop', 'patch', 'start')).steps).toEqual([
    ...['space', 'stop', 'patch', 'start', 'verify'],
  ]);
});

it.each([
  ['succeeded', 'b'],
  ['skipped', 'b'],
  ['running', '<'],
  ['released', '<'],
  ['failed', 'x'],
  ['unknown', 'x'],
  ['pending', 's'],
  ['cancelled', 's'],
] as const)('of a job whose undo is %s shows %s', (state, letter) => {
  const { hosts } = matrix(host(ID, [job(0, 'stop', 'succeeded'), job(0, 'stop', state, 'undo')]));
  expect(hosts[0]?.cells).toBe(letter);
});
