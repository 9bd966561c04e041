import { err, ok, type Result } from '@tidemark/shared/base/result.ts';
import { describe, expect, it } from 'vitest';
import type { ConnectorError, Gathered } from './connectors/connector.ts';
import { recordsOfRows } from './rows.ts';
import { createLandscape } from './service.ts';
import { createSources } from './sources.ts';
import { memoryLandscape, memorySources } from './testing/memory.ts';

const START = Date.parse('2026-12-01T00:00:00Z');
const HOUR = 3_600_000;

/** Sources of which a test says what each gives. */
function world() {
  const time = { now: START };
  const clock = { now: () => time.now };
  const { state, store } = memoryLandscape();
  const landscape = createLandscape({ store, clock, agents: async () => [] });
  const incidents = new Map<string, string>();
  const gives: { answer: () => Promise<Result<Gathered, ConnectorError>>; asked: number } = {
    answer: async () => hosts(20),
    asked: 0,
  };
  const sources = createSources({
    store: memorySources(),
    imports: store,
    landscape,
    open: () => ({
      read: () => {
        gives.asked += 1;
        return gives.answer();
      },
    }),
    incidents: {
      open: async ({ key, detail }) => void incidents.set(key, detail),
      resolve: async key => void incidents.delete(key),
    },
    clock,
  });
  return { time, state, sources, incidents, gives, landscape };
}

const hosts = (count: number, name = (index: number) => `h${index}`) => {
  const rows = Array.from({ length: count }, (_, index) => ({
    ...{ section: 'hosts' as const, value: { name: name(index) }, origin: `row ${index}` },
  }));
  return ok(recordsOfRows(rows));
};
const gone = err({ code: 'source-not-there' as const, message: 'cmdb answers with status 500' });
const source = (spec = '') =>
  `apiVersion: tidemark/v1\nkind: LandscapeSource\nmetadata: {name: cmdb}\nspec:\n  file: {path: /srv/estate.yaml}\n${spec}`;
const put = (text: string) => ({ text, fileName: 'source.yaml', by: 'ada' });

describe('a source', () => {
  it('is imported when it is due, once for all the times that passed while nobody was there', async () => {
    const { sources, gives, time, landscape } = world();
    await sources.put(put(source('  schedule: {cron: "0 * * * *"}')));
    await sources.round(new AbortController().signal);
    expect(gives.asked).toBe(0);
    time.now += 5 * HOUR;
    await sources.round(new AbortController().signal);
    await sources.round(new AbortController().signal);
    expect(gives.asked).toBe(1);
    expect(await landscape.current()).toMatchObject({ version: 1, importedBy: 'schedule of cmdb' });
    expect(await sources.list()).toMatchObject([
      { nextDueAt: START + 6 * HOUR, goodAt: time.now, problem: null, stale: null },
    ]);
  });

  it('that loses half of its hosts overnight is not taken: there is an incident, until it is whole again', async () => {
    const { sources, gives, incidents, landscape } = world();
    await sources.put(put(source()));
    await sources.import({ name: 'cmdb', by: 'ada' });
    gives.answer = async () => hosts(10);
    expect(await sources.import({ name: 'cmdb', by: 'ada' })).toMatchObject({ error: { code: 'landscape-drop' } });
    expect((await landscape.current())?.hosts).toHaveLength(20);
    expect(incidents.get('landscape:cmdb')).toContain('10 of 20 hosts that cmdb had are gone');
    expect(await landscape.conflicts()).toMatchObject([
      { subject: 'cmdb' },
      ...Array(20).fill({ kind: 'record-without-agent' }),
    ]);
    gives.answer = async () => hosts(20);
    await sources.import({ name: 'cmdb', by: 'ada' });
    expect(incidents.size).toBe(0);
  });

  it('that cannot be reached is an incident the second time, and stale when it is too old', async () => {
    const { sources, gives, incidents, time } = world();
    await sources.put(put(source('  maxAge: 2h')));
    expect(await sources.stale()).toMatchObject([
      { source: 'cmdb', goodAt: null, why: 'cmdb has never been imported' },
    ]);
    await sources.import({ name: 'cmdb', by: 'ada' });
    gives.answer = async () => gone;
    time.now += HOUR;
    await sources.import({ name: 'cmdb', by: 'ada' });
    expect(incidents.size).toBe(0);
    expect(await sources.stale()).toHaveLength(1);
    time.now += 2 * HOUR;
    await sources.import({ name: 'cmdb', by: 'ada' });
    expect(incidents.get('landscape:cmdb')).toContain('status 500');
    expect(await sources.stale()).toEqual([
      {
        source: 'cmdb',
        goodAt: START,
        why: 'cmdb was last imported at 2026-12-01T00:00:00.000Z: cmdb answers with status 500',
      },
    ]);
  });

  it('in conflict leaves all as it is and is an incident, or leaves out what is in conflict where it says so', async () => {
    const { sources, gives, incidents, landscape } = world();
    gives.answer = async () => hosts(21, index => (index === 20 ? 'no name' : `h${index}`));
    await sources.put(put(source()));
    expect(await sources.import({ name: 'cmdb', by: 'ada' })).toMatchObject({ error: { code: 'landscape-conflicts' } });
    expect(incidents.get('landscape:cmdb')).toContain('row 20: name: must be a host name');
    await sources.put(put(source('  onConflict: leave-out')));
    expect(await sources.import({ name: 'cmdb', by: 'ada' })).toMatchObject({ value: { hosts: 20 } });
    expect(await landscape.conflicts()).toMatchObject([
      { kind: 'bad-record' },
      ...Array(20).fill({ kind: 'record-without-agent' }),
    ]);
    expect(incidents.size).toBe(0);
  });

  it('is read before a plan, unless it just was, and only as long as there is time', async () => {
    const { sources, gives, time } = world();
    await sources.put(put(source()));
    const before = { by: 'plan', signal: AbortSignal.timeout(60_000) };
    await sources.refresh(before);
    await sources.refresh(before);
    expect(gives.asked).toBe(1);
    time.now += HOUR;
    await sources.refresh(before);
    expect(gives.asked).toBe(2);
    time.now += HOUR;
    gives.answer = () => Promise.reject(new Error('a bug'));
    await sources.refresh(before);
    expect(await sources.stale()).toMatchObject([{ source: 'cmdb', why: expect.stringContaining('it failed: a bug') }]);
    expect(await sources.import({ name: 'cmdb', by: 'ada' }).catch(String)).toBe('Error: a bug');
    time.now += 25 * HOUR;
    gives.answer = async () => hosts(20);
    await sources.refresh(before);
    expect(await sources.stale()).toEqual([]);
    time.now += 25 * HOUR;
    expect(await sources.stale()).toMatchObject([{ source: 'cmdb' }]);
  });

  it('changes nothing in a preview, whatever it gives', async () => {
    const { sources, gives, incidents, state } = world();
    await sources.put(put(source()));
    expect(await sources.import({ name: 'cmdb', by: 'ada', preview: true })).toMatchObject({
      value: { version: 1, hosts: 20 },
    });
    gives.answer = async () => gone;
    expect(await sources.import({ name: 'cmdb', by: 'ada', preview: true })).toEqual(gone);
    expect(await sources.list()).toMatchObject([{ attemptedAt: null }]);
    expect([state.versions, state.imports, [...incidents]]).toEqual([[], [], []]);
  });

  it('is removed with what it gave, but not where nothing would be left', async () => {
    const { sources } = world();
    await sources.put(put(source()));
    await sources.import({ name: 'cmdb', by: 'ada' });
    expect(await sources.remove({ name: 'cmdb', by: 'ada' })).toMatchObject({ error: { code: 'landscape-empty' } });
    expect(await sources.remove({ name: 'other', by: 'ada' })).toMatchObject({ error: { code: 'source-unknown' } });
  });

  it.each([
    ['a password in its address', 'netbox: {url: "https://a:b@cmdb", token: {file: t}}', /must hold no password/],
    ['a secret over plain HTTP', 'netbox: {url: "http://cmdb", token: {file: t}}', /must be https/],
    [
      'a secret outside of its directory',
      'netbox: {url: "https://cmdb", token: {file: ../admin.token}}',
      /must be the name of a file|something else/,
    ],
    [
      'any variable',
      'netbox: {url: "https://cmdb", token: {env: HOME}}',
      /must begin with TIDEMARK_SECRET_|something else/,
    ],
    ['a secret itself', 'netbox: {url: "https://cmdb", token: s3cret}', /token must be/],
    ['two places', 'file: {path: /a.yaml}\n  ansible: {argv: [/b]}', /exactly one of/],
    ['none', 'priority: 1', /exactly one of/],
    ['CSV without a mapping', 'file: {path: /a.csv}', /needs a mapping/],
    [
      'a schedule that never comes',
      'file: {path: /a.yaml}\n  schedule: {cron: "0 0 30 2 *"}',
      /no schedule that ever comes/,
    ],
    [
      'a zone that is none',
      'file: {path: /a.yaml}\n  schedule: {cron: "0 0 * * *", timezone: Berlin}',
      /no schedule that ever comes/,
    ],
    ['a slip of the hand', 'file: {path: /a.yaml}\n  maxDorp: 10%', /did you mean \\"maxDrop\\"/],
  ])('with %s is refused with its place', async (_, spec, message) => {
    const { sources } = world();
    const text = `apiVersion: tidemark/v1\nkind: LandscapeSource\nmetadata: {name: cmdb}\nspec:\n  ${spec}\n`;
    const refused = await sources.put(put(text));
    expect(refused).toMatchObject({ ok: false, error: { code: 'source-invalid' } });
    expect(JSON.stringify(refused)).toMatch(message);
    expect(await sources.list()).toEqual([]);
  });
});
