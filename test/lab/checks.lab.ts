import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runStep } from './agent.ts';
import { LabFleet } from './fleet.ts';
import type { Host } from './host.ts';
import { nightPolicy, setUpNight } from './night.ts';
import { ask } from './postgres.ts';

/*
 * Checks and the inventory as a policy lists them: a real controller, the agent as its unit, a real PostgreSQL. Every check
 * that fails is one that the policy goes on after, so that one run asks all of them.
 */

const PERMITTED = 'kinds: ["*", command/shell]\nprograms: ["/**"]\npaths: ["/**"]\n';
const BIN = '/opt/checks';
const FACTS = '/etc/tidemark/facts.d';

let fleet: LabFleet;
let host: Host;

beforeAll(async () => {
  fleet = await LabFleet.start({
    names: ['db01'],
    packages: ['postgresql'],
    policy: PERMITTED,
    prepare: async on => on.write(`${FACTS}/site`, '#!/bin/sh\necho \'{"rack": "r1"}\'\n', 0o755),
  });
  host = fleet.host('db01');
  await setUpNight(fleet);
  const put = (name: string, line: string) => host.write(`${BIN}/${name}`, `#!/bin/sh\n${line}\n`, 0o755);
  put('ready', 'echo the queue is empty');
  put('busy', 'echo 17 wait in the queue >&2; exit 3');
  put('soon', `test -e ${BIN}/seen && echo ready && exit 0; touch ${BIN}/seen; exit 1`);
  await ask(host, 'create table orders as select 7 as open');
  await ask(host, 'create role web login');
});

afterAll(() => fleet?.down());

/** Runs these checks in one night; gives by id how each ended and what was said of it. */
async function told(checks: Readonly<Record<string, string>>): Promise<Map<string, string>> {
  const steps = Object.entries(checks).map(([id, step]) => `\n    - {id: ${id}, ${step}, onFailure: continue}`);
  const run = await fleet.begin(nightPolicy([host.name], { steps: steps.join('') }));
  const { code, stdout, stderr } = await fleet.watch(run);
  // What a policy goes on after does not fail its run.
  expect([code, stdout + stderr]).toEqual([0, expect.stringContaining('succeeded')]);
  const ends = (await fleet.events(run, host)).filter(({ job, event }) => job && event !== 'started');
  return new Map(
    ends.map(({ job, event, message }) => [
      job?.split(':')[0] ?? '',
      `${event}: ${message?.replace(/\d+ ms/g, 'N ms')}`,
    ]),
  );
}

const facts = (condition: string) => `uses: check/facts, with: {condition: '${condition}'}`;
const sql = (query: string, more = '') => `uses: check/sql, with: {query: "${query}"${more}}`;
const command = (name: string, more = '') => `uses: check/command, with: {command: [${BIN}/${name}]${more}}`;

describe('checks by an agent on a server', () => {
  it('over facts say which value was seen, of what is there at that moment', async () => {
    const said = await told({
      as: facts('facts.site.rack == "r1"'),
      moved: `uses: command/shell, with: {script: "sed -i s/r1/r2/ ${FACTS}/site"}`,
      no: facts('facts.site.rack == "r1"'),
      none: facts('facts.site.row == "a"'),
      own: facts('size(facts.failedUnits) == 0 && facts.hostname == "db01"'),
    });
    expect(said.get('as')).toBe('succeeded: facts.site.rack == "r1" is true: facts.site.rack is "r1"');
    expect(said.get('no')).toMatch(/^failed: facts.site.rack == "r1" is false: facts.site.rack is "r2"/);
    expect(said.get('none')).toMatch(/^failed: facts.site.row == "a" has no answer: .*facts.site.row is null/);
    expect(said.get('own')).toMatch(/^succeeded: .* is true: facts.failedUnits is \[\], facts.hostname is "db01"/);
  });

  it('by a program say how it ended and what it said', async () => {
    const said = await told({
      ready: command('ready', ', expectText: empty'),
      busy: command('busy'),
      three: command('busy', ', expectStatus: [3]'),
      other: command('ready', ', expectText: full'),
      soon: command('soon', ', within: 10s'),
      absent: command('absent'),
    });
    expect(said.get('ready')).toBe(
      `succeeded: ${BIN}/ready ended with exit status 0, its last line: "the queue is empty"`,
    );
    expect(said.get('busy')).toMatch(/^failed: .*exit status 3, its last line: "17 wait in the queue" \(expected: 0\)/);
    expect(said.get('three')).toMatch(/^succeeded: .*exit status 3/);
    expect(said.get('other')).toMatch(/^failed: .*"the queue is empty", and does not say "full"/);
    expect(said.get('soon')).toMatch(/^succeeded: .*exit status 0, its last line: "ready" after N ms/);
    expect(said.get('absent')).toMatch(/^failed: .*absent cannot be started: there is no such program/);
  });

  it('by a statement say what the database answered, or why it did not', async () => {
    const query = 'select open from orders';
    const said = await told({
      seven: sql(query, ', expect: "7"'),
      eight: sql(query, ', expect: "8"'),
      any: sql('select pg_is_in_recovery()'),
      empty: sql('select open from orders where open > 7'),
      missing: sql('select 1 from invoices'),
      slow: sql('select pg_sleep(60)', ', limit: 200ms'),
      writes: sql('delete from orders returning 1'),
      stranger: sql(query, ', user: web, systemUser: postgres'),
      nobody: sql(query, ', user: nobody-here, systemUser: postgres'),
      rights: sql(query, ', user: web, systemUser: web'),
      elsewhere: sql(query, ', database: none'),
      off: 'uses: command/shell, with: {script: "systemctl stop postgresql@*"}',
      away: sql(query),
      on: 'uses: command/shell, with: {script: "systemctl start postgresql"}',
      back: sql(query, ', expect: "7"'),
    });
    const of = 'the database postgres';
    expect(said.get('seven')).toBe(`succeeded: ${of} answers "7"`);
    expect(said.get('eight')).toBe(`failed: ${of} answers "7", and "8" is expected`);
    expect(said.get('any')).toBe(`succeeded: ${of} answers "f"`);
    expect(said.get('empty')).toBe(`failed: ${of} has no row for "select open from orders where open > 7"`);
    expect(said.get('missing')).toBe(`failed: ${of} gives no answer as postgres: relation "invoices" does not exist`);
    expect(said.get('slow')).toBe(`failed: ${of} gives no answer as postgres: the statement took longer than it may`);
    expect(said.get('writes')).toMatch(/^failed: .*cannot execute DELETE in a read-only transaction/);
    expect(said.get('stranger')).toMatch(
      /^failed: .*gives no answer as web: Peer authentication failed for user "web"/,
    );
    expect(said.get('nobody')).toMatch(/^failed: .*as nobody-here: Peer authentication failed for user "nobody-here"/);
    // There is no such user on the server, which is another thing than one that may not.
    expect(said.get('rights')).toMatch(/^failed: .*gives no answer as web: /);
    expect(said.get('elsewhere')).toMatch(/^failed: the database none gives no answer .*"none" does not exist/);
    expect(said.get('away')).toMatch(/^failed: .*there is no such socket; is the server running\?/);
    expect(said.get('back')).toBe(`succeeded: ${of} answers "7"`);
    expect(await ask(host, query)).toBe('7');
  });

  it('over the loopback address, where a password is asked for that no order holds, are refused by the server', async () => {
    await ask(host, "alter role web password 'secret'");
    const args = {
      ...{
        engine: 'postgresql',
        at: { by: 'loopback', port: 5432 },
        database: 'postgres',
        user: 'web',
        systemUser: null,
      },
      ...{ query: 'select 1', expectValue: null, statementMs: 5_000 },
    };
    const end = await runStep(host, { kind: 'check/sql', args });
    expect(`${end.outcome}: ${end.message}`).toMatch(/^failed: .*gives no answer as web: .*password/);
    const nowhere = await runStep(host, { kind: 'check/sql', args: { ...args, at: { by: 'loopback', port: 1 } } });
    expect(nowhere.message).toMatch(/nobody listens there/);
  });
});

describe('the inventory by an agent on a server', () => {
  const known = async () => JSON.stringify(await fleet.cliJson('describe', 'host', host.name));

  it('brings the controller what is there now, and says what could not be found out', async () => {
    host.write(`${FACTS}/cabinet`, '#!/bin/sh\necho \'{"door": "blue"}\'\n', 0o755);
    host.write(`${FACTS}/breaks`, '#!/bin/sh\nexit 4\n', 0o755);
    // A plan asks for facts too: what it knew is from before this.
    const said = await told({
      door: `uses: command/shell, with: {script: "sed -i s/blue/green/ ${FACTS}/cabinet"}`,
      inventory: 'uses: inventory/run',
    });
    expect(said.get('inventory')).toMatch(/^succeeded: collected .*cabinet.*packages/);
    expect(said.get('inventory')).toMatch(/; could not find out: breaks: .*4/);
    await expect.poll(known, { timeout: 30_000 }).toContain('green');
  });
});
