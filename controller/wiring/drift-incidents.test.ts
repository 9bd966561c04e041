import { ok } from '@tidemark/shared/base/result.ts';
import { expect, it } from 'vitest';
import type { Incident } from '../incidents/ports.ts';
import { driftIncidents } from './drift-incidents.ts';

/** Incidents in memory, as far as these need them. */
function memory() {
  const all: Pick<Incident, 'id' | 'key' | 'state' | 'title'>[] = [];
  return {
    all,
    incidents: driftIncidents(
      {
        open: async ({ key, title }) => all.push({ id: all.length + 1, key, state: 'open', title }) > 0,
        withKey: async prefix => all.filter(one => one.key.startsWith(prefix)),
        resolve: async ({ id }) => {
          const found = all.find(one => one.id === id) as Incident;
          found.state = 'resolved';
          return ok(found);
        },
      },
      async () => 'id',
    ),
  };
}

const DRIFT = { key: 'drift:db01', host: 'db01', title: 'drift', detail: '' };

it('opens one incident of a cause at a time, and another when it comes back', async () => {
  const { all, incidents } = memory();
  await incidents.open(DRIFT);
  await incidents.open(DRIFT);
  await incidents.open({ ...DRIFT, key: 'drift:db011' });
  expect(all.map(({ key }) => key)).toEqual(['drift:db01#1', 'drift:db011#1']);
  await incidents.resolve('drift:db01', 'gone');
  expect(all.map(({ state }) => state)).toEqual(['resolved', 'open']);
  await incidents.open(DRIFT);
  expect(all.map(({ key, state }) => `${key} ${state}`)).toEqual([
    'drift:db01#1 resolved',
    'drift:db011#1 open',
    'drift:db01#2 open',
  ]);
});
