import { backendServers } from '@tidemark/agent/platform/haproxy.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildRelease, NEW_VERSION, OLD_VERSION, PRODUCTS, releaseFiles } from '../demo/releases.ts';
import { AGENT_UNIT } from './agent.ts';
import { until } from './command.ts';
import { LabFleet } from './fleet.ts';
import type { Host } from './host.ts';

/*
 * Steps that a policy lists, from the policy to the server: a real controller, HAProxy and systemd on one host.
 */

const PRODUCT = 'orders-web';
const UNIT = `${PRODUCT}.service`;
const WORK = '/var/lib/tm-listed';
const SOCKET = `${WORK}/h.sock`;
const BIN = '/opt/ha/current/bin';
const PERMITTED = 'kinds: ["*", command/shell]\nprograms: ["/**"]\npaths: ["/**"]\n';

let fleet: LabFleet;
let host: Host;

beforeAll(async () => {
  fleet = await LabFleet.start({ names: ['web01'], packages: ['haproxy'], policy: PERMITTED });
  host = fleet.host('web01');
  const product = PRODUCTS.find(({ name }) => name === PRODUCT);
  if (!product) throw new Error(`there is no product ${PRODUCT}`);
  for (const { name, mode, content } of releaseFiles(product, OLD_VERSION))
    host.write(`/opt/${PRODUCT}/releases/${OLD_VERSION}/${name}`, content, mode);
  await host.execOk(['ln', '-s', `releases/${OLD_VERSION}`, `/opt/${PRODUCT}/current`]);
  host.write(`/etc/systemd/system/${UNIT}`, '[Service]\nExecStart=/bin/sleep infinity\n');
  await host.execOk(['systemctl', 'daemon-reload']);
  await host.execOk(['systemctl', 'start', UNIT]);
  host.write(`${WORK}/marks`, '');
  host.write('/etc/haproxy/haproxy.cfg', HAPROXY);
  await host.execOk(['systemctl', 'restart', 'haproxy']);
  const put = (name: string, line: string) => host.write(`${BIN}/${name}`, `#!/bin/sh\n${line}\n`, 0o755);
  put('leave', `echo leave >> ${WORK}/marks; touch ${WORK}/out`);
  put('left', `test -e ${WORK}/out`);
  put('join', `echo join >> ${WORK}/marks; rm ${WORK}/out`);
  put('joined', `test ! -e ${WORK}/out`);
  put('breaks', `touch ${WORK}/middle; while [ ! -e ${WORK}/go ]; do sleep 0.1; done; exit 1`);
  host.write(`${WORK}/kept/file`, 'before\n');
  await fleet.importLandscape(LANDSCAPE);
  const archive = await buildRelease(product, NEW_VERSION, fleet.desk('releases'));
  await fleet.cliOk('signatures', 'import', archive);
  await fleet.cliOk('bundle', 'create', 'next', '--release', `${PRODUCT}@${NEW_VERSION}`);
  await host.execOk(['systemctl', 'restart', AGENT_UNIT]);
  await until('the facts have the release', async () =>
    (await fleet.cliOk('describe', 'host', 'web01', '-o', 'json')).includes(OLD_VERSION),
  );
});

afterAll(() => fleet?.down());

const HAPROXY = `global
  stats socket ${SOCKET} mode 600 level admin
defaults
  mode tcp
  timeout connect 2s
  timeout client 60s
  timeout server 60s
listen shop
  bind 127.0.0.1:8088
  server web01 127.0.0.1:80
  server web02 127.0.0.1:80
`;

const LANDSCAPE = `apiVersion: tidemark/v1
kind: Landscape
tiers: [web]
hosts:
  - {name: web01, application: orders, environment: lab}
components:
  - name: ${PRODUCT}
    host: web01
    tier: web
    kind: web server
    product: ${PRODUCT}
    service: {provider: systemd, units: [${UNIT}]}
`;

const policy = (name: string, steps: readonly string[]): string => `apiVersion: tidemark/v1
kind: PatchPolicy
metadata: {name: ${name}, owner: lab}
spec:
  select: host.env == "lab"
  bundle: {name: next}
  window: {duration: 1h, reserve: 5m, timezone: Europe/Berlin}
  tiers: [{name: web}]
  steps:
${steps.map(step => `    - ${step}\n`).join('')}`;

const MEMBER = `manager: command, cluster: ha, leave: [${BIN}/leave], left: [${BIN}/left], join: [${BIN}/join], joined: [${BIN}/joined]`;
const OUT_OF_SERVICE = [
  '{id: sound, uses: check/all, with: {checks: [{uses: check/disk, with: {free: {/var: 1MB}}}, {uses: check/units}, {uses: check/tcp, with: {port: 8088}}]}}',
  '{id: hold, uses: batch/hold, with: {wait: 30s}}',
  `{id: drain, uses: lb/drain, with: {backend: shop, socket: ${SOCKET}}}`,
  `{id: leave, uses: cluster/leave, with: {${MEMBER}}}`,
  '{id: stop, uses: service/stop}',
  '{id: mask, uses: service/mask}',
];
const INTO_SERVICE = [
  '{id: unmask, uses: service/unmask}',
  '{id: start, uses: service/start}',
  `{id: join, uses: cluster/join, with: {${MEMBER}}}`,
  `{id: enable, uses: lb/enable, with: {backend: shop, socket: ${SOCKET}}}`,
  '{id: release, uses: batch/release}',
];

const active = async (unit: string) => (await host.exec(['systemctl', 'is-active', unit])).stdout.trim();
/** As HAProxy has it, asked from outside by its socket on the host's disk. */
const balanced = async () =>
  (await backendServers(host.path(SOCKET), 'shop')).find(({ server }) => server === 'web01')?.admin;

async function isInService(): Promise<void> {
  expect([await active(UNIT), await active('cron.service'), await active('atd.service')]).toEqual(
    Array(3).fill('active'),
  );
  expect(host.exists(`${WORK}/out`)).toBe(false);
  expect((await host.exec(['ls', '-A', '/run/systemd/system'])).stdout).not.toContain(UNIT);
  expect(await balanced()).toBe('ready');
}

describe('steps that a policy lists', () => {
  it('take a server out of service and back, keep and put back, clean and run what they are told', async () => {
    const steps = [
      ...OUT_OF_SERVICE,
      `{id: backup, uses: snapshot/create, with: {paths: [${WORK}/kept]}}`,
      `{id: script, uses: command/shell, with: {script: "echo after > ${WORK}/kept/file; echo ran >> ${WORK}/marks"}}`,
      `{id: back, uses: snapshot/revert, with: {paths: [${WORK}/kept]}}`,
      '{id: drop, uses: snapshot/delete}',
      '{id: clean, uses: file/clean, with: {journalKeep: 8MB}}',
      ...INTO_SERVICE,
    ];
    const end = await fleet.watch(await fleet.begin(policy('well', steps)));
    expect([end.code, end.stdout + end.stderr]).toEqual([0, expect.stringContaining('succeeded')]);
    expect(host.read(`${WORK}/marks`)).toBe('leave\nran\njoin\n');
    expect(host.read(`${WORK}/kept/file`)).toBe('before\n');
    await isInService();
  });

  it('25: give back all that was taken where one in the middle fails', async () => {
    host.write(`${WORK}/marks`, '');
    const masked = () => host.execOk(['systemctl', 'list-unit-files', '--state=masked,masked-runtime', '--no-legend']);
    const before = await masked();
    const steps = [
      ...OUT_OF_SERVICE,
      `{id: breaks, uses: command/run, with: {command: [${BIN}/breaks]}, onFailure: undo-host}`,
      ...INTO_SERVICE,
    ];
    const run = await fleet.begin(policy('badly', steps));
    await until('it is in the middle', () => host.exists(`${WORK}/middle`), {
      describe: () => fleet.cliOk('describe', 'run', run),
    });
    expect([await active(UNIT), await active('cron.service'), await active('atd.service')]).toEqual(
      Array(3).fill('inactive'),
    );
    expect([host.exists(`${WORK}/out`), await balanced()]).toEqual([true, 'drain']);
    expect(await masked()).toContain(UNIT);
    host.write(`${WORK}/go`, '');
    const end = await fleet.watch(run);
    expect([end.code, end.stdout + end.stderr]).toEqual([4, expect.stringContaining('web01 undone')]);
    const undone = (await fleet.events(run, host)).filter(
      ({ event, direction }) => direction === 'undo' && event === 'succeeded',
    );
    expect(undone.map(({ job }) => job?.split(':')[0])).toEqual(['mask', 'stop', 'leave', 'drain', 'hold']);
    expect(host.read(`${WORK}/marks`)).toBe('leave\njoin\n');
    await isInService();
    expect(await masked()).toBe(before);
    const left = await host.exec(['find', '/etc/systemd', '/run/systemd/system', '-name', '*tidemark-hold*']);
    expect(left.stdout).toBe('');
  });

  it('26: wait for a person who does a task by hand and signs that it is done, and go on', async () => {
    host.write(`${WORK}/marks`, '');
    const steps = [
      '{id: stop, uses: service/stop}',
      `{id: task, uses: manual/task, with: {instructions: "move the licence dongle of \${host.name}", who: the site's technician, evidence: the ticket}}`,
      `{id: script, uses: command/shell, with: {script: "echo after >> ${WORK}/marks"}}`,
      '{id: start, uses: service/start}',
    ];
    const run = await fleet.begin(policy('by-hand', steps));
    await fleet.waitsForPerson(run);
    const [incident] = await fleet.incidentsOf(host);
    expect(incident?.title).toContain(
      "waits for the site's technician to do this and sign it off: move the licence dongle of web01",
    );
    expect(incident?.title).toContain('the sign-off must name the ticket');
    expect([host.read(`${WORK}/marks`), await active(UNIT)]).toEqual(['', 'inactive']);
    // Done again it waits again: only somebody's word that it is done lets the host go on.
    await expect(fleet.decide('retry', run, 'web01', 'task', 'once more')).resolves.toContain('Signed and sent');
    const isAgain = async () =>
      (await fleet.events(run, host)).some(({ event, attempt }) => event === 'failed' && attempt === 2);
    await until('it waits once more', isAgain);
    await fleet.waitsForPerson(run);
    expect(host.read(`${WORK}/marks`)).toBe('');
    await fleet.decide('done', run, 'web01', 'task', 'ticket LAB-7: the dongle is in the other slot');
    await fleet.succeeds(run);
    expect([host.read(`${WORK}/marks`), await active(UNIT)]).toEqual(['after\n', 'active']);
    const signed = (await fleet.events(run, host))
      .map(({ message }) => message ?? '')
      .filter(text => text.includes('LAB-7'));
    expect(signed.length).toBeGreaterThan(0);
    expect(await fleet.cliOk('audit', 'list', '-o', 'json')).toContain('ticket LAB-7');
    await isInService();
  });
});
