import type { RunMatrix } from '@tidemark/controller/api/contract/run-matrix.ts';
import { expect, it } from 'vitest';
import { type Look, rowsOf } from './rows.ts';

type Host = RunMatrix['hosts'][number];
const host = (name: string, change: Partial<Host> = {}): Host => ({
  ...{ host: name, wave: 'rest', application: 'shop', cluster: null, tiers: ['web'], state: 'waiting', reason: '' },
  ...{ connected: true, direction: 'forward', startedAt: null, endedAt: null, expectedEndAt: null, cells: 'pp' },
  ...change,
});
const wave = (name: string) => ({ name, state: 'open' as const, openedAt: null, endedAt: null });

const HOSTS = [
  host('web10'),
  host('web2'),
  host('web1', { state: 'succeeded', cells: 'ss', wave: 'first' }),
  host('db1', { state: 'held', reason: 'its cluster waits', cells: 'sp', tiers: ['db'], cluster: 'ordersdb' }),
  host('db2', { state: 'failed', reason: 'space: disk full', cells: 'fp', tiers: ['db'], cluster: 'ordersdb' }),
];
const shown = (change: Partial<Look>) =>
  rowsOf(
    { hosts: HOSTS, waves: [wave('first'), wave('rest')] },
    { group: 'wave', find: '', problems: false, fold: false, ...change },
  ).map(row =>
    row.kind === 'group' ? `# ${row.title} ${row.done}/${row.hosts}` : row.hosts.map(one => one.host).join('+'),
  );

it('shows first what needs a look, the worst on top, then wave by wave', () => {
  expect(shown({})).toEqual(['# Need a look 0/2', 'db2', 'db1', '# first 1/1', 'web1', '# rest 0/2', 'web2', 'web10']);
});

it('makes one row of hosts that are alike, and of none that differ', () => {
  expect(shown({ fold: true }).slice(-1)).toEqual(['web2+web10']);
  expect(shown({ fold: true }).slice(0, 3)).toEqual(['# Need a look 0/2', 'db2', 'db1']);
});

it.each([
  [{ group: 'tier' } as const, ['# Need a look 0/2', 'db2', 'db1', '# web 1/3', 'web1', 'web2', 'web10']],
  [{ find: 'DISK full' }, ['# Need a look 0/1', 'db2']],
  [{ problems: true }, ['# Need a look 0/2', 'db2', 'db1']],
  [{ find: 'nothing has this' }, []],
])('with %j', (look, rows) => {
  expect(shown(look)).toEqual(rows);
});

it('loses and doubles no host, however it is looked at', () => {
  for (const group of ['wave', 'application', 'cluster', 'tier'] as const)
    for (const fold of [true, false]) {
      const rows = rowsOf({ hosts: HOSTS, waves: [] }, { group, fold, find: '', problems: false });
      const names = rows.flatMap(row => (row.kind === 'hosts' ? row.hosts.map(one => one.host) : []));
      expect(names.sort()).toEqual(HOSTS.map(one => one.host).sort());
    }
});
