import { describe, expect, it } from 'vitest';
import { importGiven } from './by-hand.ts';
import { createLandscape } from './service.ts';
import { given, memoryLandscape } from './testing/memory.ts';

function world(agents: string[] = []) {
  const { state, store } = memoryLandscape();
  const known = async () => agents.map(name => ({ name, addresses: [] }));
  const landscape = createLandscape({ store, clock: { now: () => 5 }, agents: known });
  return { state, landscape, take: (file: Parameters<typeof given>[0]) => importGiven(landscape, given(file)) };
}

const yaml = (...lines: string[]) => ['apiVersion: tidemark/v1', 'kind: Landscape', ...lines, ''].join('\n');
const text = (names: string) => yaml(`hosts: [${names}]`);
const numbered = (count: number, from = 0) =>
  text(Array.from({ length: count }, (_, index) => `{name: h${index + from}}`).join(', '));

describe('importing a landscape', () => {
  it('makes version after version', async () => {
    const { take, landscape, state } = world();
    expect(await take({ text: text('{name: a}') })).toMatchObject({ ok: true, value: { version: 1, hosts: 1 } });
    expect(await take({ text: text('{name: a}, {name: b}') })).toMatchObject({ value: { version: 2, hosts: 2 } });
    expect(await landscape.current()).toMatchObject({ version: 2, importedBy: 'ada', importedAt: 5 });
    expect(state.audited).toEqual(['landscape.imported landscape 1', 'landscape.imported landscape 2']);
    expect(await landscape.diff(1, 2)).toMatchObject({ value: [{ section: 'host', name: 'b', change: 'added' }] });
    expect(await landscape.diff(1, 3)).toMatchObject({ ok: false, error: { code: 'version-unknown' } });
  });

  it('makes no version of what was known, also in another order', async () => {
    const { take, state } = world();
    await take({ text: text('{name: a}, {name: b}') });
    expect(await take({ text: text('{name: b}, {name: a}') })).toMatchObject({
      value: { version: 1, unchanged: true },
    });
    expect(state.versions).toHaveLength(1);
    expect(state.audited).toHaveLength(1);
  });

  it('changes nothing where the file has an error, and says where', async () => {
    const { take, state } = world();
    await take({ text: text('{name: a}') });
    expect(await take({ text: text('{name: b}, {nam: c}') })).toMatchObject({
      ok: false,
      error: { code: 'landscape-invalid', details: [{ line: 3 }, { line: 3 }] },
    });
    expect(state.versions).toHaveLength(1);
  });

  it('changes nothing where the audit log cannot be written', async () => {
    const { take, landscape, state } = world();
    state.auditFails = true;
    await expect(take({ text: text('{name: a}') })).rejects.toThrow('audit');
    expect(await landscape.current()).toBeNull();
    expect(state.contributions.size).toBe(0);
  });

  it('changes nothing in a preview, and says what would be', async () => {
    const { take, state } = world();
    await take({ text: text('{name: a, environment: test}') });
    const before = structuredClone(state);
    const seen = await take({ text: text('{name: a, environment: prod}, {name: b}'), preview: true });
    expect(seen).toMatchObject({
      value: {
        version: 2,
        changes: [
          { name: 'a', change: 'changed', fields: [{ field: 'environment', before: 'test', after: 'prod' }] },
          { name: 'b', change: 'added' },
        ],
      },
    });
    expect(state).toEqual(before);
  });

  it('refuses to be without any host', async () => {
    const { take } = world();
    expect(await take({ text: yaml('hosts: []') })).toMatchObject({ ok: false, error: { code: 'landscape-empty' } });
  });

  it('stops where much of what was there is gone, unless somebody says that it is so', async () => {
    const { take, landscape } = world();
    await take({ text: numbered(40) });
    const refused = await take({ text: numbered(20) });
    expect(refused).toMatchObject({
      ok: false,
      error: { code: 'landscape-drop', message: expect.stringContaining('20 of 40 hosts that file had are gone') },
    });
    // As many hosts as before are not the same hosts.
    expect(await take({ text: numbered(40, 20) })).toMatchObject({ error: { code: 'landscape-drop' } });
    expect((await landscape.current())?.hosts).toHaveLength(40);
    expect(await take({ text: numbered(20), allowDrop: true })).toMatchObject({ value: { version: 2, hosts: 20 } });
  });

  it('says which agents have no record, and which records no agent', async () => {
    const { take, landscape } = world(['db01', 'web01']);
    const done = await take({ text: text('{name: db01.example.com}, {name: web01}') });
    const expected = [
      {
        kind: 'agent-without-record',
        subject: 'db01',
        message: expect.stringContaining('db01.example.com may be it, by its name'),
      },
      { kind: 'record-without-agent', subject: 'db01.example.com' },
    ];
    expect(done).toMatchObject({ ok: true, value: { conflicts: expected } });
    expect(await landscape.conflicts()).toMatchObject(expected);
  });

  it('keeps what a landscape of before said, when the first source comes', async () => {
    const { take, state } = world();
    const old = { hosts: [{ name: 'old', application: null, environment: null, tags: [], attributes: {} }] };
    state.versions.push({
      ...old,
      components: [],
      clusters: [],
      version: 7,
      digest: 'd',
      importedBy: 'x',
      importedAt: 1,
    });
    expect(await take({ text: text('{name: a}'), as: 'more' })).toMatchObject({ value: { version: 8, hosts: 2 } });
  });
});

describe('several sources', () => {
  it('are one landscape, and each replaces its own part alone', async () => {
    const { take, landscape } = world();
    await take({ text: text('{name: db01}, {name: db02}'), as: 'hosts' });
    const components = yaml('components: [{name: orders-db, host: db01, kind: database}]');
    expect(await take({ text: components, as: 'components' })).toMatchObject({ value: { hosts: 2, components: 1 } });
    await take({ text: text('{name: db01}, {name: db03}'), as: 'hosts' });
    const now = await landscape.current();
    expect(now?.hosts.map(({ name }) => name)).toEqual(['db01', 'db03']);
    expect(now?.components).toHaveLength(1);
  });

  it('refuse that one takes away what another speaks of, or leave that out where it is asked for', async () => {
    const { take, landscape } = world();
    await take({ text: text('{name: db01}, {name: db02}'), as: 'hosts' });
    await take({ text: yaml('components: [{name: orders-db, host: db01, kind: database}]'), as: 'components' });
    const without = { text: text('{name: db02}'), as: 'hosts' };
    expect(await take(without)).toMatchObject({
      ok: false,
      error: {
        code: 'landscape-conflicts',
        details: [{ message: expect.stringContaining('host db01 is not in the landscape') }],
      },
    });
    expect(await take({ ...without, leaveOut: true })).toMatchObject({
      value: { hosts: 1, components: 0, conflicts: [{ kind: 'unknown-host' }, { kind: 'record-without-agent' }] },
    });
    expect(await landscape.conflicts()).toMatchObject([{ kind: 'unknown-host' }, { kind: 'record-without-agent' }]);
  });

  it('are forgotten one at a time', async () => {
    const { take, landscape } = world();
    await take({ text: text('{name: db01}'), as: 'one' });
    await take({ text: text('{name: db02}'), as: 'two' });
    expect(await landscape.forget({ source: 'one', by: 'ada' })).toMatchObject({ value: { hosts: 1 } });
    expect(await landscape.forget({ source: 'two', by: 'ada' })).toMatchObject({ error: { code: 'landscape-empty' } });
  });
});

describe('a CSV file', () => {
  const mapping = {
    fileName: 'mapping.yaml',
    text: `mapping:
  hosts: {name: Hostname, application: App, environment: {column: Env, values: {P: prod}}, tags: {column: Tags, split: ","}, attributes: {rack: Rack}}
  components: {when: {column: Service, is: [orders-db, orders-web]}, name: Service, host: Hostname, kind: {value: service}, units: {column: Unit, split: " "}}
`,
  };
  const csv =
    'Hostname;App;Env;Tags;Rack;Service;Unit\r\ndb01;orders;P;"a, b";R1;orders-db;postgresql.service\r\nweb01;orders;T;;R2;;\r\n';

  it('becomes hosts and components by its mapping', async () => {
    const { take, landscape } = world();
    expect(await take({ text: csv, fileName: 'estate.csv', mapping })).toMatchObject({
      value: { hosts: 2, components: 1 },
    });
    expect(await landscape.current()).toMatchObject({
      hosts: [
        { name: 'db01', application: 'orders', environment: 'prod', tags: ['a', 'b'], attributes: { rack: 'R1' } },
        { name: 'web01', environment: 'T', tags: [] },
      ],
      components: [
        { name: 'orders-db', application: 'orders', service: { provider: 'systemd', units: ['postgresql.service'] } },
      ],
    });
  });

  it('is refused with a report by row, or taken without the bad ones where that is asked for', async () => {
    const { take } = world();
    const bad = { text: `${csv}"; rm -rf /";orders;P;;;;\r\n;orders;P;;;;\r\n`, fileName: 'estate.csv', mapping };
    expect(await take(bad)).toMatchObject({
      ok: false,
      error: {
        details: [
          { file: 'estate.csv', line: 4, message: expect.stringContaining('must be a host name') },
          { file: 'estate.csv', line: 5, message: expect.stringContaining('name is missing') },
        ],
      },
    });
    expect(await take({ ...bad, leaveOut: true })).toMatchObject({ value: { hosts: 2 } });
  });

  it('needs a mapping', async () => {
    const { take } = world();
    expect(await take({ text: csv, fileName: 'estate.csv' })).toMatchObject({
      error: { message: expect.stringContaining('needs a mapping') },
    });
  });
});
