import { spawnSync } from 'node:child_process';
import { readlinkSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type CommandResult, until } from '../support/fleet.ts';
import { Night } from '../support/night.ts';
import { marksOf } from '../support/product.ts';

/*
 * What waves wait for, an emergency, and a night that is taken back, with the built programs and real agents. The gate that
 * asks a Prometheus is tried with a real one, in test/lab/gates.lab.ts.
 */

const OLD = '1.0.0';
const NEW = '1.1.0';
const WAITS = 5;
const RUN_FAILED = 4;
/** Of each test, servers of its own. */
const HOSTS = ['pass-a', 'pass-b', 'fail-a', 'fail-b', 'fail-c', 'soon-a', 'soon-b', 'back-a', 'back-b'];

/** For what hangs: nine servers are enrolled one after the other, on a machine that may be busy. */
const FLEET_MS = 900_000;

let night: Night;
/** What the shop's check answers: a status, or nothing at all. */
let shop: number | 'silent' = 200;
let check: Server;
let url: string;

beforeAll(async () => {
  check = createServer((_, response) => {
    if (shop !== 'silent') response.writeHead(shop).end('shop');
  });
  await new Promise<void>(ready => check.listen(0, '127.0.0.1', ready));
  url = `http://127.0.0.1:${(check.address() as AddressInfo).port}/health`;
  night = await Night.prepare({
    hosts: HOSTS.map(name => ({ name, product: 'alpha' })),
    waves: '    - {name: all}',
    controller: ['gateNetworks: [127.0.0.1/32]'],
    approvers: ['ada', 'bert'],
  });
  night.startComponents();
}, FLEET_MS);

afterAll(async () => {
  await night?.stop();
  check.closeAllConnections();
  check.close();
});

interface Written {
  waves: readonly string[];
  window?: string;
  extra?: readonly string[];
}

/** A policy for the hosts whose names begin so, in a file of the fleet. */
function policy(name: string, { waves, window = '{duration: 2h, reserve: 5m, timezone: UTC}', extra = [] }: Written) {
  const file = night.fleet.path(`${name}.yaml`);
  const lines = [
    'apiVersion: tidemark/v1',
    'kind: PatchPolicy',
    `metadata: {name: ${name}, owner: team-shop}`,
    'spec:',
    `  select: host.name.startsWith("${name}-")`,
    '  bundle: {name: next}',
    `  window: ${window}`,
    '  tiers: {span: host, order: [{name: app}]}',
    '  waves:',
    ...waves.map(wave => `    - ${wave}`),
    ...extra.map(line => `  ${line}`),
    '  steps: standard',
    '',
  ];
  writeFileSync(file, lines.join('\n'));
  return file;
}

async function begin(name: string, written: Written): Promise<string> {
  const { fleet } = night;
  const plan = fleet.path(`${name}-plan.json`);
  await fleet.cliOk('plan', policy(name, written), '--out', plan);
  await fleet.cliOk('approve', plan, '--key', fleet.keyOf('ada'));
  return (await fleet.cliJson<{ run: string }>('apply', plan)).run;
}

const deployed = (host: string): string => readlinkSync(night.deployed(host)).replace('releases/', '');
const said = ({ stdout, stderr }: CommandResult): string => stderr + stdout;

interface Incident {
  run: string | null;
  title: string;
}

const openTitles = async (run: string): Promise<string[]> =>
  (await night.fleet.cliJson<Incident[]>('get', 'incidents')).filter(each => each.run === run).map(each => each.title);

const stateOf = async (run: string): Promise<string> =>
  (await night.fleet.cliJson<{ state: string }>('run', 'show', run)).state;

describe('a wave with gates', () => {
  it('opens when an approver has signed, a signal has come and the check is well; without an answer the run is paused', async () => {
    const { fleet } = night;
    shop = 'silent';
    const run = await begin('pass', {
      waves: [
        '{name: first, when: host.name == "pass-a"}',
        `{name: rest, gates: [{kind: approval, name: owner, from: [bert]}, {kind: signal, name: desk}, {kind: http, name: shop, url: "${url}", every: 1s, within: 3s, timeout: 1s}]}`,
      ],
    });
    await until('the check that does not answer has paused the run', async () => (await stateOf(run)) === 'paused');
    const watched = await night.watch(run);
    expect({ code: watched.code, deployed: HOSTS.slice(0, 2).map(deployed) }).toEqual({
      code: WAITS,
      deployed: [NEW, OLD],
    });
    expect(await openTitles(run)).toEqual(
      expect.arrayContaining([expect.stringMatching(/^wave rest: gate shop cannot answer: /)]),
    );

    shop = 200;
    await fleet.cliOk('run', 'resume', run, '--reason', 'the shop is there again');
    await until('the people at the gates are asked', async () => {
      const titles = await openTitles(run);
      return ['owner', 'desk'].every(gate => titles.some(title => title.startsWith(`wave rest: gate ${gate} waits`)));
    });
    // Of another than the policy names, a signature opens nothing.
    await fleet.cliOk('run', 'approve', run, 'rest', '--key', fleet.keyOf('ada'));
    await fleet.cliOk('run', 'signal', run, 'rest', 'desk', '--go', '--reason', 'the desk is manned');
    await until(
      'the signal has been taken',
      async () => !(await openTitles(run)).some(title => title.includes('desk')),
    );
    expect({ state: await stateOf(run), deployed: deployed('pass-b') }).toEqual({ state: 'running', deployed: OLD });
    expect(await openTitles(run)).toEqual([
      expect.stringMatching(/^wave rest: gate owner waits for 1 approvals from bert/),
    ]);

    await fleet.cliOk('run', 'approve', run, 'rest', '--key', fleet.keyOf('bert'));
    const end = await night.watch(run);
    expect({ code: end.code, said: said(end) }).toMatchObject({ code: 0 });
    expect({ deployed: deployed('pass-b'), open: await openTitles(run) }).toEqual({ deployed: NEW, open: [] });
  });

  it('stays shut where the check fails or somebody says no-go: its hosts are given up, what is done stays', async () => {
    const { fleet } = night;
    shop = 503;
    const run = await begin('fail', {
      waves: [
        '{name: first, when: host.name == "fail-a"}',
        `{name: checked, when: host.name == "fail-b", gates: [{kind: http, name: shop, url: "${url}", every: 1s, within: 2s}]}`,
        '{name: told, needs: [first], gates: [{kind: signal, name: desk}]}',
      ],
    });
    await until('the desk is asked', async () => (await openTitles(run)).some(title => title.includes('gate desk')));
    await fleet.cliOk('run', 'signal', run, 'told', 'desk', '--no-go', '--reason', 'the branches are open');
    const end = await night.watch(run);
    expect({ code: end.code, said: said(end) }).toMatchObject({ code: RUN_FAILED });
    expect(['fail-a', 'fail-b', 'fail-c'].map(deployed)).toEqual([NEW, OLD, OLD]);
    // Nothing was stopped on those.
    expect(['fail-b', 'fail-c'].map(host => marksOf(fleet.root(host), 'stop alpha'))).toEqual([0, 0]);
    const titles = await openTitles(run);
    expect(titles).toEqual(
      expect.arrayContaining([
        expect.stringMatching(/^wave checked: gate shop failed: it answered 503/),
        expect.stringMatching(/^wave told: gate desk failed: no-go by .*: the branches are open/),
      ]),
    );
  });
});

describe('an emergency', () => {
  it('goes over a freeze with its own approvers and shorter soaks, and waits at a gate like any other night', async () => {
    const { fleet } = night;
    shop = 'silent';
    writeFileSync(fleet.path('freeze.ics'), FREEZE);
    const file = policy('soon', {
      window: '{rrule: FREQ=DAILY, start: "22:00", duration: 2h, reserve: 5m, timezone: UTC, blackout: [freeze.ics]}',
      waves: [
        '{name: first, when: host.name == "soon-a", soak: 1h}',
        `{name: rest, gates: [{kind: http, name: shop, url: "${url}", every: 1s, within: 3s, timeout: 1s}]}`,
      ],
      extra: ['approvals: [{gate: plan, from: [ada]}]', 'emergency: {soak: 2s, approvals: [{from: [bert]}]}'],
    });
    const frozen = await fleet.cli('plan', file);
    expect({ code: frozen.code, said: said(frozen) }).toEqual({ code: 1, said: expect.stringContaining('freeze') });

    const plan = fleet.path('soon-plan.json');
    const asked = await fleet.cliOk('plan', file, '--emergency', 'CVE-2026-1234 is exploited', '--out', plan);
    expect(asked).toContain('CVE-2026-1234 is exploited');
    expect(asked).toContain('wave first soaks 2 s instead of 1 h');
    // The approver of any other night does not count in this one.
    await fleet.cli('approve', plan, '--key', fleet.keyOf('ada'));
    const early = await fleet.cli('apply', plan);
    expect({ code: early.code, said: said(early) }).toEqual({ code: WAITS, said: expect.stringContaining('bert') });
    await fleet.cliOk('approve', plan, '--key', fleet.keyOf('bert'));
    const { run } = await fleet.cliJson<{ run: string }>('apply', plan);

    await until('the check that does not answer has paused the run', async () => (await stateOf(run)) === 'paused');
    expect(['soon-a', 'soon-b'].map(deployed)).toEqual([NEW, OLD]);
    shop = 200;
    await fleet.cliOk('run', 'resume', run);
    const end = await night.watch(run);
    expect({ code: end.code, said: said(end) }).toMatchObject({ code: 0 });
    expect(deployed('soon-b')).toBe(NEW);
    const events = await night.events(run);
    const at = (event: string, wave: string): number =>
      Date.parse(events.find(each => each.event === event && each.message === wave)?.at ?? '');
    const soaked = at('wave-opened', 'rest') - at('wave-ended', 'first');
    expect(soaked).toBeGreaterThanOrEqual(2_000);
    expect(soaked).toBeLessThan(3_600_000);
  });
});

describe('a run that is stopped with undo', () => {
  it('takes back who is half way, then who was done, and every service runs as before', async () => {
    const { fleet } = night;
    const hosts = ['back-a', 'back-b'];
    writeFileSync(join(fleet.root('back-b'), 'slow-stop'), '3');
    const run = await begin('back', { waves: ['{name: first, when: host.name == "back-a"}', '{name: rest}'] });
    await until('the second server is being stopped', () => marksOf(fleet.root('back-b'), 'stop alpha') > 0);
    expect(deployed('back-a')).toBe(NEW);
    await fleet.cliOk('run', 'stop', run, '--undo', '--reason', 'the ledger does not balance');
    const end = await night.watch(run);
    expect({ code: end.code, said: said(end) }).toMatchObject({ code: RUN_FAILED });
    expect({ state: await stateOf(run), deployed: hosts.map(deployed) }).toEqual({
      state: 'stopped',
      deployed: [OLD, OLD],
    });
    for (const host of hosts) {
      const root = fleet.root(host);
      const script = join(root, 'opt/alpha/current/bin/alpha');
      expect([host, spawnSync(script, ['status'], { env: { ...process.env, TIDEMARK_ROOT: root } }).status]).toEqual([
        host,
        0,
      ]);
    }
    // Each was stopped and started by hand once, and then as often as it was stopped.
    for (const host of hosts)
      expect(marksOf(fleet.root(host), 'start alpha')).toBe(marksOf(fleet.root(host), 'stop alpha') + 1);
    const undone = (await night.events(run)).filter(({ event, job }) => event === 'started' && job === 'patch:alpha');
    expect(undone.map(({ host }) => host)).toEqual(['back-a', 'back-a']);
  });
});

/** Frozen until long after anybody reads this. */
const FREEZE = `BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//shop//freezes//EN
BEGIN:VEVENT
UID:freeze@shop
SUMMARY:year of the merger
DTSTART;VALUE=DATE:20200101
DTEND;VALUE=DATE:21000101
END:VEVENT
END:VCALENDAR
`.replaceAll('\n', '\r\n');
