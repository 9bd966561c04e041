import { createInventory } from '@tidemark/controller/inventory/service.ts';
import { inventoryStore } from '@tidemark/controller/store/inventory.ts';
import type { Store } from '@tidemark/controller/store/store.ts';
import type { Digest } from '@tidemark/shared/base/digest.ts';
import { makeSection, rootOf, type Section } from '@tidemark/shared/inventory/section.ts';
import { packagesSection } from '@tidemark/shared/testing/packages.ts';
import { sql } from 'drizzle-orm';
import { expect, it } from 'vitest';
import { testStores } from '../support/database.ts';
import { addHost } from '../support/fingerprint-server.ts';

const freshStore = testStores();
const HOUR = 3_600_000;
const START = Date.UTC(2026, 10, 20, 12);

async function world() {
  const store = await freshStore();
  const time = { now: START };
  const inventory = createInventory({
    store: inventoryStore(store),
    clock: { now: () => time.now, monotonic: () => time.now },
  });
  return { store, time, inventory, reader: inventoryStore(store) };
}

function sections(facts: Record<string, unknown>): Section[] {
  return Object.entries(facts).map(([kind, content]) => {
    const made = makeSection(kind, content);
    if (!made.ok) throw new Error(made.error);
    return made.value;
  });
}

/** An agent that offers what it has and hands over what is wanted; gives the kinds that were. */
async function tell(inventory: ReturnType<typeof createInventory>, hostId: string, facts: Record<string, unknown>) {
  const own = sections(facts);
  const refs = own.map(({ kind, digest }) => ({ kind, digest }));
  const { wanted } = await inventory.offered({ hostId, request: 'q', root: rootOf(own), sections: refs });
  const lacking = own.filter(({ digest }) => wanted.includes(digest));
  for (const { kind, text } of lacking) await inventory.told({ hostId, sections: [{ kind, text }] });
  return lacking.map(({ kind }) => kind);
}

async function all<T>(portions: AsyncIterable<T[]>): Promise<T[]> {
  const found: T[] = [];
  for await (const portion of portions) found.push(...portion);
  return found;
}

const counted = async (store: Store, table: string) =>
  Number((await store.db.execute<{ n: string }>(sql.raw(`select count(*) as n from ${table}`)))[0]?.n);

it('what one host has told no other has to tell again, and it is kept once', async () => {
  const { store, inventory } = await world();
  const [one, two] = [await addHost(store, 'web01'), await addHost(store, 'web02')];
  const packages = packagesSection('apt', { openssl: '3.0.14-1' });
  expect(await tell(inventory, one, { hostname: 'web01', packages })).toEqual(['hostname', 'packages']);
  expect(await tell(inventory, two, { hostname: 'web02', packages })).toEqual(['hostname']);
  expect(await counted(store, 'sections')).toBe(3);
  const facts = await inventory.latest();
  expect(facts.get(two)?.facts).toEqual({ hostname: 'web02', packages });
  // Equal contents are one object: a fleet's facts fit in memory as often as they differ.
  expect(facts.get(one)?.facts['packages']).toBe(facts.get(two)?.facts['packages']);
});

it('a host on which nothing changed says so by its root, and is looked at anew', async () => {
  const { store, inventory, time } = await world();
  const hostId = await addHost(store, 'web01');
  await tell(inventory, hostId, { hostname: 'web01' });
  const root = await inventory.rootOf(hostId);
  time.now += HOUR;
  const said = await inventory.offered({ hostId, request: 'q2', root: root as Digest, sections: [] });
  expect(said).toEqual({ wanted: [], stored: ['q2'] });
  expect(await inventory.inventoryOf(hostId)).toMatchObject({ observedAt: START + HOUR, changedAt: START });
  expect(await counted(store, 'host_sections')).toBe(1);
});

it('keeps what a host had before, with the time in which it was so', async () => {
  const { store, inventory, reader, time } = await world();
  const hostId = await addHost(store, 'db01');
  await tell(inventory, hostId, { hostname: 'db01', pg: { role: 'standby' }, old: 1 });
  time.now += HOUR;
  await tell(inventory, hostId, { hostname: 'db01', pg: { role: 'primary' } });
  time.now += HOUR;
  await tell(inventory, hostId, { hostname: 'db01', pg: { role: 'standby' } });
  const periods = await reader.history(hostId, START + HOUR);
  const pg = periods.filter(({ kind }) => kind === 'pg');
  expect(pg.map(({ content, since, until }) => [content, since, until])).toEqual([
    [{ role: 'primary' }, START + HOUR, START + 2 * HOUR],
    [{ role: 'standby' }, START + 2 * HOUR, null],
  ]);
  expect(periods.map(({ kind }) => kind).filter(kind => kind === 'old')).toEqual([]);
  expect((await reader.history(hostId, START)).filter(({ kind }) => kind === 'old')).toMatchObject([
    { until: START + HOUR },
  ]);
});

it('gives every content of a kind once, with the hosts that have it', async () => {
  const { store, inventory, reader } = await world();
  const ids = [await addHost(store, 'a'), await addHost(store, 'b'), await addHost(store, 'c')];
  for (const [at, hostId] of ids.entries())
    await tell(inventory, hostId, { app: at < 2 ? 'old' : 'new', hostname: 'x' });
  const found = await all(reader.contents(['app']));
  const byContent = found.map(({ content, hostIds }) => [content, [...hostIds].sort()]);
  expect(byContent).toHaveLength(2);
  expect(byContent).toContainEqual(['old', ids.slice(0, 2).sort()]);
  expect(await all(reader.contents(['app'], [ids[2] ?? '']))).toMatchObject([{ content: 'new' }]);
});

it('a host that tells something else than it offered is believed in nothing of that', async () => {
  const { store, inventory } = await world();
  const hostId = await addHost(store, 'web01');
  const own = sections({ hostname: 'web01', app: 1, other: 2 });
  const [hostname, app, other] = own;
  const refs = own.map(({ kind, digest }) => ({ kind, digest }));
  await inventory.offered({ hostId, request: 'q', root: rootOf(own), sections: refs });
  await inventory.told({ hostId, sections: [{ kind: 'app', text: '{"other":1}' }] });
  await inventory.told({ hostId, sections: [{ kind: 'other', text: ' 2' }] });
  await inventory.told({ hostId, sections: [{ kind: 'never', text: '1' }] });
  expect(await inventory.inventoryOf(hostId)).toBeNull();
  const last = await inventory.told({ hostId, sections: [{ kind: 'hostname', text: hostname?.text ?? '' }] });
  expect(last.stored).toEqual(['q']);
  expect((await inventory.latestOf(hostId))?.facts).toEqual({ hostname: 'web01' });
  expect((await inventory.inventoryOf(hostId))?.refused).toEqual([
    'app: is not what its digest says',
    'other: is not in its canonical form',
  ]);
  // It may say the same for ever without being asked for it again.
  const again = await inventory.offered({ hostId, request: 'q', root: rootOf(own), sections: [] });
  expect([again, app?.kind, other?.kind]).toEqual([{ wanted: [], stored: ['q'] }, 'app', 'other']);
});

it('a host cannot speak for another one, nor leave what it did not hand over to it', async () => {
  const { store, inventory } = await world();
  const [one, two] = [await addHost(store, 'one'), await addHost(store, 'two')];
  const own = sections({ hostname: 'one', secret: 'x' });
  const refs = own.map(({ kind, digest }) => ({ kind, digest }));
  await inventory.offered({ hostId: one, request: 'q', root: rootOf(own), sections: refs });
  for (const { kind, text } of own)
    expect(await inventory.told({ hostId: two, sections: [{ kind, text }] })).toEqual({ wanted: [], stored: null });
  expect(await inventory.latestOf(two)).toBeNull();
  expect(await counted(store, 'sections')).toBe(0);
  inventory.forget(one);
  expect(await inventory.told({ hostId: one, sections: own })).toEqual({ wanted: [], stored: null });
});

it.each<[string, (refs: { kind: string; digest: Digest }[]) => { kind: string; digest: Digest }[]]>([
  ['names a kind twice', refs => [...refs, ...refs]],
  ['leaves one out that its root names', refs => refs.slice(1)],
  ['puts one in the place of another', refs => refs.map(ref => ({ ...ref, kind: `${ref.kind}2` }))],
])('an offer that %s is not taken', async (_, change) => {
  const { store, inventory } = await world();
  const hostId = await addHost(store, 'web01');
  const own = sections({ a: 1, b: 2 });
  const refs = own.map(({ kind, digest }) => ({ kind, digest }));
  expect(await inventory.offered({ hostId, request: '', root: rootOf(own), sections: change(refs) })).toEqual({
    wanted: [],
    stored: null,
  });
});

it('asks again for what was cleared away between its coming and its use', async () => {
  const { store, inventory } = await world();
  const [one, two] = [await addHost(store, 'one'), await addHost(store, 'two')];
  const own = sections({ a: 1, b: 2 });
  const refs = own.map(({ kind, digest }) => ({ kind, digest }));
  await inventory.offered({ hostId: one, request: 'q', root: rootOf(own), sections: refs });
  const [first, last] = own.map(({ kind, text }) => ({ kind, text }));
  if (!first || !last) throw new Error('sections of the test');
  await inventory.told({ hostId: one, sections: [first] });
  await store.db.execute(sql`delete from sections`);
  const gone = await inventory.told({ hostId: one, sections: [last] });
  expect(gone).toEqual({ wanted: [own[0]?.digest], stored: null });
  expect(await inventory.told({ hostId: one, sections: [first] })).toEqual({ wanted: [], stored: ['q'] });
  expect(await inventory.latestOf(two)).toBeNull();
});

it('nothing of a host that nobody enrolled is kept', async () => {
  const { store, inventory } = await world();
  const nobody = '00000000-0000-4000-8000-000000000000';
  await tell(inventory, nobody, { a: 1 });
  expect(await counted(store, 'inventories')).toBe(0);
  expect(await counted(store, 'host_sections')).toBe(0);
});

it('forgets what was long ago and is not any more, and contents that nobody has', async () => {
  const { store, inventory, reader, time } = await world();
  const hostId = await addHost(store, 'db01');
  await tell(inventory, hostId, { app: 1 });
  time.now += HOUR;
  await tell(inventory, hostId, { app: 2 });
  expect(await inventory.changes(hostId, START)).toMatchObject({
    changes: [{ kind: 'app', from: '1', to: '2', at: START + HOUR }],
    truncated: false,
  });
  expect(await inventory.forgetUntil(START + HOUR)).toEqual({ periods: 0, contents: 0 });
  expect(await inventory.forgetUntil(START + HOUR + 1)).toEqual({ periods: 1, contents: 1 });
  expect((await reader.history(hostId, 0)).map(({ content }) => content)).toEqual([2]);
  expect((await inventory.latestOf(hostId))?.facts).toEqual({ app: 2 });
});
