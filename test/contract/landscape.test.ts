import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createIncidents } from '@tidemark/controller/incidents/service.ts';
import { createInventory } from '@tidemark/controller/inventory/service.ts';
import { given } from '@tidemark/controller/landscape/testing/memory.ts';
import { hostIdOf } from '@tidemark/controller/planner/testing/world.ts';
import { createIncidentStore } from '@tidemark/controller/store/incidents.ts';
import { inventoryStore } from '@tidemark/controller/store/inventory.ts';
import { audit, hosts } from '@tidemark/controller/store/schema.ts';
import { driftIncidents } from '@tidemark/controller/wiring/drift-incidents.ts';
import { plannedLandscape, systemsByName, wireLandscape } from '@tidemark/controller/wiring/landscape.ts';
import { asc } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { testStores } from '../support/database.ts';

const fresh = testStores();
const START = Date.parse('2026-12-01T00:00:00Z');
const HOUR = 3_600_000;
let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'tidemark-landscape-'));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** The landscape as a controller has it, with agents that reported what a test says. */
async function world(facts: Record<string, Record<string, unknown>> = {}) {
  const store = await fresh();
  const time = { now: START };
  const clock = { now: () => time.now, monotonic: () => time.now };
  const inventory = createInventory({ store: inventoryStore(store), clock });
  for (const [name, said] of Object.entries(facts)) {
    await store.db.insert(hosts).values({ id: hostIdOf(name), name });
    await inventory.record({ hostId: hostIdOf(name), facts: said });
  }
  const incidents = createIncidents({ store: createIncidentStore(store), clock });
  const limits = {
    mayReach: () => true,
    directories: [directory],
    programs: [],
    secretDirectory: directory,
    environment: {},
  };
  const wired = wireLandscape({
    ...{ store, clock, inventory, limits },
    incidents: driftIncidents(incidents, async () => null),
  });
  return { ...wired, store, time, inventory, open: () => incidents.list({ state: 'open' }) };
}

const SHOP = `apiVersion: tidemark/v1
kind: Landscape
hosts: [{name: web01, application: orders}, {name: db01, application: orders}]
components:
  - {name: web, host: web01, kind: web, product: shop, service: {provider: systemd, units: [nginx.service]}}
  - {name: db, host: db01, kind: database, product: postgres, package: postgresql-16}
contracts: [{kind: maintenance, product: postgres, ends: 2027-03-31}]
`;
const file = (count: number) => {
  const path = join(directory, 'estate.yaml');
  const list = Array.from({ length: count }, (_, index) => `{name: h${index}}`).join(', ');
  writeFileSync(path, `apiVersion: tidemark/v1\nkind: Landscape\nhosts: [${list}]\n`);
  return path;
};

describe('the landscape in the database', () => {
  it('is kept with what each source gave, its versions and its imports', async () => {
    const { landscape, store } = await world();
    await landscape.importLandscape(given({ text: SHOP }));
    await landscape.importLandscape(
      given({ text: 'apiVersion: tidemark/v1\nkind: Landscape\nhosts: [{name: bi01}]\n', as: 'more' }),
    );
    await landscape.importLandscape(given({ text: SHOP.replace('orders}', 'shop}') }));
    expect(await landscape.versions()).toMatchObject([
      { version: 3, hosts: 3, components: 2, importedBy: 'ada', importedAt: START },
      { version: 2, hosts: 3 },
      { version: 1, hosts: 2 },
    ]);
    expect(await landscape.diff(1, 3)).toMatchObject({
      value: [
        { name: 'bi01', change: 'added' },
        { name: 'web01', change: 'changed' },
        { name: 'web@web01', change: 'changed' },
      ],
    });
    expect((await landscape.imports(null)).map(({ source, outcome, version }) => [source, outcome, version])).toEqual([
      ['file', 'imported', 3],
      ['more', 'imported', 2],
      ['file', 'imported', 1],
    ]);
    expect(await landscape.current()).toMatchObject({
      version: 3,
      contracts: [{ product: 'postgres', ends: '2027-03-31' }],
    });
    const audited = await store.db.select().from(audit).orderBy(asc(audit.id));
    expect(audited.map(({ action, subject }) => `${action} ${subject}`)).toEqual(
      [1, 2, 3].map(version => `landscape.imported landscape ${version}`),
    );
  });

  it('is read by schedule; half of it gone overnight opens an incident and changes nothing, and plans are told that it is stale', async () => {
    const { landscape, landscapeSources, open, time, inventory, store } = await world();
    const text = `apiVersion: tidemark/v1\nkind: LandscapeSource\nmetadata: {name: cmdb}\nspec: {file: {path: ${file(20)}}, schedule: {cron: "0 * * * *"}, maxAge: 90m}\n`;
    expect(await landscapeSources.put({ text, fileName: 'source.yaml', by: 'ada' })).toMatchObject({ ok: true });
    const planned = () =>
      plannedLandscape({ landscape, landscapeSources, osOf: () => systemsByName(store, inventory) });
    time.now += HOUR;
    await landscapeSources.round(new AbortController().signal);
    expect(await planned()).toMatchObject({ version: 1, stale: [] });
    file(10);
    time.now += HOUR;
    await landscapeSources.round(new AbortController().signal);
    expect(await open()).toMatchObject([
      { title: 'landscape: cmdb was not imported', detail: expect.stringContaining('10 of 20 hosts') },
    ]);
    expect((await landscape.current())?.hosts).toHaveLength(20);
    time.now += HOUR;
    await landscapeSources.round(new AbortController().signal);
    expect(await open()).toHaveLength(1);
    expect((await planned())?.stale).toEqual([
      expect.stringContaining('cmdb was last imported at 2026-12-01T01:00:00.000Z: 10 of 20 hosts'),
    ]);
    expect(await landscapeSources.import({ name: 'cmdb', by: 'ada', allowDrop: true })).toMatchObject({
      value: { version: 2, hosts: 10 },
    });
    expect(await open()).toEqual([]);
    expect((await planned())?.stale).toEqual([]);
  });

  it('takes a dependency that agents saw when a person says so, and remembers what was dismissed', async () => {
    const { landscape, suggestions, store } = await world({
      web01: {
        interfaces: [{ name: 'eth0', mac: '', mtu: 1500, state: 'up', addresses: ['10.0.0.1/24'] }],
        peers: [
          { protocol: 'tcp', address: '10.0.0.2', port: 5432, process: 'nginx', unit: 'nginx.service' },
          { protocol: 'tcp', address: '10.0.0.2', port: 9100, process: 'prometheus', unit: 'prometheus.service' },
        ],
      },
      db01: {
        interfaces: [{ name: 'eth0', mac: '', mtu: 1500, state: 'up', addresses: ['10.0.0.2/24'] }],
        sockets: [
          {
            protocol: 'tcp',
            address: '0.0.0.0',
            port: 5432,
            process: 'postgres',
            program: '',
            unit: 'postgresql-16.service',
          },
        ],
        os: {
          platform: 'linux',
          id: 'debian',
          like: [],
          version: '12.9',
          distro: 'Debian',
          release: '12',
          codename: '',
          arch: 'x64',
        },
      },
    });
    await landscape.importLandscape(given({ text: SHOP }));
    const [exporter, database] = await suggestions.list({ dismissed: false });
    expect(database).toMatchObject({ from: { component: 'web' }, to: { component: 'db', port: 5432 }, decision: null });
    expect(exporter).toMatchObject({ to: { component: null, port: 9100 } });
    const by = { by: 'ada', reason: 'seen' };
    expect(await suggestions.accept({ id: exporter?.id ?? '', from: null, to: null, ...by })).toMatchObject({
      error: { code: 'suggestion-open' },
    });
    expect(await suggestions.dismiss({ id: exporter?.id ?? '', ...by })).toMatchObject({ ok: true });
    expect(await suggestions.accept({ id: database?.id ?? '', from: null, to: null, ...by })).toMatchObject({
      ok: true,
      value: { version: 2 },
    });
    expect(await suggestions.list({ dismissed: false })).toEqual([]);
    expect(await suggestions.list({ dismissed: true })).toMatchObject([
      { decision: { decision: 'dismissed', by: 'ada' } },
    ]);
    const audited = await store.db.select().from(audit).orderBy(asc(audit.id));
    expect(audited.map(({ action }) => action)).toEqual([
      'landscape.imported',
      'landscape.suggestion-dismissed',
      'landscape.imported',
      'landscape.suggestion-accepted',
    ]);
    expect(await landscape.impact({ host: 'db01', component: null })).toMatchObject({
      affected: [{ component: 'web', because: 'db@db01' }],
    });
    // What people accepted is no obstacle when the component goes away.
    const without = SHOP.replace(/ {2}- \{name: web.*\n/, '');
    expect(await landscape.importLandscape(given({ text: without }))).toMatchObject({
      ok: true,
      value: { components: 1 },
    });
    expect(await landscape.standings('db01')).toMatchObject([
      { kind: 'licence', about: 'postgres', ends: null },
      { kind: 'maintenance', ends: Date.parse('2027-04-01T00:00:00Z') },
      { kind: 'os-support', about: 'debian 12.9', text: expect.stringContaining('2028-06-30') },
    ]);
  });
});
