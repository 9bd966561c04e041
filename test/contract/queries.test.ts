import { randomUUID } from 'node:crypto';
import { createInventory } from '@tidemark/controller/inventory/service.ts';
import { createQueries } from '@tidemark/controller/queries/service.ts';
import { inventoryStore } from '@tidemark/controller/store/inventory.ts';
import { agentsByName } from '@tidemark/controller/store/planner.ts';
import { contentStore, lastLooks, queryStore } from '@tidemark/controller/store/queries.ts';
import { hosts } from '@tidemark/controller/store/schema.ts';
import { queryHosts } from '@tidemark/controller/wiring/query-hosts.ts';
import { beforeAll, describe, expect, it } from 'vitest';
import { testStores } from '../support/database.ts';

const freshStore = testStores();
const DAY_MS = 86_400_000;

const debian = (version: string) => ({
  ...{ platform: 'linux', id: 'debian', like: [], version, distro: 'Debian GNU/Linux', release: '12' },
  ...{ codename: 'bookworm', arch: 'x64' },
});
const packagesOf = (versions: Record<string, string>) => ({
  manager: 'apt',
  architecture: 'amd64',
  count: Object.keys(versions).length,
  truncated: false,
  installed: Object.entries(versions).map(([name, version]) => ({
    ...{ name, version, architecture: 'amd64', source: name, sourceVersion: version, origin: 'Debian' },
    ...{ held: false, state: 'installed' },
  })),
});

describe('questions about hosts', () => {
  let now = Date.parse('2026-12-01T00:00:00Z');
  const clock = { now: () => now, monotonic: () => 0 };
  let queries: ReturnType<typeof createQueries>;
  let record: (name: string, facts: Record<string, unknown>) => Promise<unknown>;

  beforeAll(async () => {
    const store = await freshStore();
    const inventory = createInventory({ store: inventoryStore(store), clock });
    const ids = new Map(['db01', 'db02', 'web01', 'silent01'].map(name => [name, randomUUID()]));
    for (const [name, id] of ids) await store.db.insert(hosts).values({ id, name });
    record = (name, facts) => inventory.record({ hostId: ids.get(name) ?? '', facts });
    queries = createQueries({
      store: queryStore(store),
      contents: contentStore(store),
      sources: queryHosts({
        landscape: async () => ({
          version: 1,
          hosts: [
            { name: 'db01', application: 'orders', environment: 'prod', tags: [], attributes: {} },
            { name: 'cold01', application: 'orders', environment: 'prod', tags: [], attributes: {} },
          ],
          components: [],
          clusters: [],
        }),
        landscapeVersion: async () => 1,
        agents: () => agentsByName(store),
        observed: () => lastLooks(store),
      }),
      clock,
      maxAgeMs: DAY_MS,
    });
    await record('db01', {
      os: debian('12.8'),
      packages: packagesOf({ openssl: '3.0.14-1', zsh: '5.9-4' }),
      rack: { row: 7 },
    });
    await record('db02', { os: debian('12.9'), packages: packagesOf({ openssl: '3.0.15-1', zsh: '5.9-4' }) });
    await record('web01', { packages: packagesOf({ zsh: '5.9-4' }) });
  });

  const ask = async (text: string, more: { fields?: string[]; after?: string; limit?: number } = {}) => {
    const page = await queries.query({
      text,
      fields: more.fields ?? [],
      after: more.after ?? null,
      limit: more.limit ?? 100,
    });
    if (!page.ok) throw new Error(page.error.message);
    return page.value;
  };
  const names = async (text: string) => {
    const page = await ask(text);
    return [page.hosts.map(({ name }) => name), page.unknown.map(({ name }) => name)];
  };

  it.each([
    ['host.os.id == "debian" && version(host.os.version) < version("12.9")', ['db01'], ['cold01', 'silent01', 'web01']],
    [
      'host.packages.exists(p, p.name == "openssl" && deb(p.version) < deb("3.0.15-1"))',
      ['db01'],
      ['cold01', 'silent01'],
    ],
    ['!host.packages.exists(p, p.name == "openssl")', ['web01'], ['cold01', 'silent01']],
    ['host.env == "prod"', ['cold01', 'db01'], []],
    ['host.env == "prod" && host.os.id == "debian"', ['db01'], ['cold01']],
    ['host.env == "prod" || host.os.id == "debian"', ['cold01', 'db01', 'db02'], ['silent01', 'web01']],
    ['host.facts.rack.row == 7', ['db01'], ['cold01', 'db02', 'silent01', 'web01']],
    ['host.packages.all(p, p.origin == "Debian") && host.packages.size() == 1', ['web01'], ['cold01', 'silent01']],
  ])('%s: %j, and unknown %j', async (text, held, unknown) => {
    expect(await names(text)).toEqual([held, unknown]);
  });

  it('say why there is no answer, and show what was asked for', async () => {
    const page = await ask('host.os.version == "12.8"', {
      fields: ['os.version', 'host.packages.size()', 'memory.totalBytes'],
    });
    expect(page.hosts).toEqual([
      { name: 'db01', fields: { 'os.version': '12.8', 'host.packages.size()': 2, 'memory.totalBytes': null } },
    ]);
    expect(page.unknown).toEqual([
      { name: 'cold01', why: ['no agent of it is enrolled'] },
      { name: 'silent01', why: ['its agent has reported no facts yet'] },
      { name: 'web01', why: ['its agent has told nothing of host.os'] },
    ]);
  });

  it('come in pages, each host once', async () => {
    const first = await ask('true', { limit: 2 });
    const second = await ask('true', { limit: 2, after: first.next ?? '' });
    const third = await ask('true', { limit: 2, after: second.next ?? '' });
    expect([first, second, third].map(page => page.hosts.map(({ name }) => name))).toEqual([
      ['cold01', 'db01'],
      ['db02', 'silent01'],
      ['web01'],
    ]);
    expect(third.next).toBeNull();
  });

  it.each([
    ['host.os.idd == "x"', /at column 9: .*did you mean "id"\?.*\n {2}host\.os\.idd == "x"\n {10}\^/s],
    ['"gold" in host.groups', /at column 2: there is no group gold/],
    ['@none', /no query is saved as none/],
  ])('%s is refused where it is wrong', async (text, message) => {
    const page = await queries.query({ text, fields: [], after: null, limit: 1 });
    expect(page).toMatchObject({ ok: false, error: { message: expect.stringMatching(message) } });
  });

  it('are saved, and asked by their name', async () => {
    expect(await queries.save({ name: 'bad', text: 'host.x', by: 'ada' })).toMatchObject({ ok: false });
    await queries.save({ name: 'old', text: 'host.os.version == "12.8"', by: 'ada' });
    expect((await ask('@old')).hosts.map(({ name }) => name)).toEqual(['db01']);
    expect(await queries.forget({ name: 'old', by: 'ada' })).toMatchObject({ ok: true });
  });

  it('have groups, of which it is said who is in them, why, and since when', async () => {
    const keep = (name: string, select: string) =>
      queries.keepGroup({ name, select, importance: 80, owner: 'team', by: 'ada' });
    await keep('old-openssl', 'host.packages.exists(p, p.name == "openssl" && deb(p.version) < deb("3.0.15-1"))');
    await keep('gold', 'host.env == "prod" && "old-openssl" in host.groups');
    expect(await keep('old-openssl', '"gold" in host.groups')).toMatchObject({
      ok: false,
      error: { message: expect.stringContaining('gold > old-openssl > gold') },
    });
    expect(await queries.removeGroup({ name: 'old-openssl', by: 'ada' })).toMatchObject({
      error: { code: 'group-in-use' },
    });
    expect(await names('"gold" in host.groups')).toEqual([['db01'], ['cold01']]);
    expect(await queries.explain({ group: 'gold', text: null, host: 'db01' })).toMatchObject({
      ok: true,
      value: {
        answer: true,
        is: 'and',
        parts: [
          { text: 'host.env == "prod"', answer: true, found: 'host.env is "prod"' },
          { is: 'group', answer: true, parts: [{ answer: true, found: 'openssl 3.0.14-1' }] },
        ],
      },
    });
    expect(await queries.explain({ group: 'gold', text: null, host: 'cold01' })).toMatchObject({
      value: {
        answer: null,
        parts: [{ answer: true }, { answer: null, parts: [{ found: 'no agent of it is enrolled' }] }],
      },
    });

    expect(await queries.round()).toBe(5);
    expect(await queries.round()).toBe(0);
    now += 60_000;
    await record('db01', { os: debian('12.9'), packages: packagesOf({ openssl: '3.0.15-1' }) });
    expect(await queries.round()).toBe(2);
    const changes = await queries.changes({ group: 'gold', host: 'db01', limit: 10 });
    expect(changes.ok && changes.value.map(({ was, is, at }) => [was, is, at])).toEqual([
      [true, false, now],
      [false, true, now - 60_000],
    ]);
  });

  it('know nothing of hosts that have been silent for a day', async () => {
    now += DAY_MS + 1;
    await record('db02', { os: debian('12.9') });
    const page = await ask('host.os.id == "debian"');
    expect(page.hosts.map(({ name }) => name)).toEqual(['db02']);
    expect(page.unknown.find(({ name }) => name === 'db01')?.why).toEqual([
      expect.stringContaining('its facts are stale: the last are from 2026-12-01'),
    ]);
  });
});
