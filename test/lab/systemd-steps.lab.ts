import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildRelease, NEW_VERSION, OLD_VERSION, PRODUCTS, releaseFiles } from '../demo/releases.ts';
import { AGENT_UNIT } from './agent.ts';
import { until } from './command.ts';
import { LabFleet } from './fleet.ts';
import type { Host } from './host.ts';

/*
 * Steps in units of their own, under an agent that is stopped, killed and rebooted meanwhile: a real controller, a real
 * order, one server with a component that systemd runs.
 */

const PRODUCT = 'orders-web';
const WORK = '/var/lib/tm-steps';
const POLICY = 'kinds: ["*"]\nprograms: ["/**"]\npaths: ["/**"]\nunits: ["orders-*.service"]\n';

describe('steps on a server that systemd runs', () => {
  let fleet: LabFleet;
  let host: Host;

  beforeAll(async () => {
    fleet = await LabFleet.start({ names: ['web01'], policy: POLICY });
    host = fleet.host('web01');
    const product = PRODUCTS.find(({ name }) => name === PRODUCT);
    if (!product) throw new Error(`there is no product ${PRODUCT}`);
    for (const { name, mode, content } of releaseFiles(product, OLD_VERSION))
      host.write(`/opt/${PRODUCT}/releases/${OLD_VERSION}/${name}`, content, mode);
    await host.execOk(['ln', '-s', `releases/${OLD_VERSION}`, `/opt/${PRODUCT}/current`]);
    host.write(
      `/etc/systemd/system/${PRODUCT}.service`,
      '[Service]\nExecStart=/bin/sleep infinity\n[Install]\nWantedBy=multi-user.target\n',
    );
    await host.execOk(['systemctl', 'daemon-reload']);
    await host.execOk(['systemctl', 'enable', '--now', `${PRODUCT}.service`]);
    program(
      'slow',
      `echo begun >> ${WORK}/marks; while [ ! -e ${WORK}/go ]; do sleep 0.1; done; echo done >> ${WORK}/marks`,
    );
    program(
      'hangs',
      `trap "" TERM; setsid sleep 42421 & sleep 42422 & echo hangs >> ${WORK}/marks; sleep 42423; sleep 42424`,
    );
    await fleet.importLandscape(landscape());
    const archive = await buildRelease(product, NEW_VERSION, fleet.desk('releases'));
    await fleet.cliOk('signatures', 'import', archive);
    await fleet.cliOk('bundle', 'create', 'next', '--release', `${PRODUCT}@${NEW_VERSION}`);
    // Facts go out with a connection: with the release that was laid out since.
    await host.execOk(['systemctl', 'restart', AGENT_UNIT]);
    await until('the facts have the release', async () =>
      (await fleet.cliOk('describe', 'host', 'web01', '-o', 'json')).includes(OLD_VERSION),
    );
  });

  afterAll(async () => {
    await fleet?.down();
  });

  const program = (name: string, line: string) => host.write(`${WORK}/${name}`, `#!/bin/sh\n${line}\n`, 0o755);
  const marks = () => (host.exists(`${WORK}/marks`) ? host.read(`${WORK}/marks`) : '');
  const units = async () =>
    (await host.execOk(['systemctl', 'list-units', '--plain', '--no-legend', 'tidemark-step-*']))
      .trim()
      .split('\n')
      .filter(Boolean);
  const active = async (unit: string) => (await host.exec(['systemctl', 'is-active', unit])).stdout.trim();

  it('outlive a stop of the agent and its death, and are found again: each ran once', async () => {
    const run = await fleet.begin(policy('one', `{id: slow, uses: command/run, with: {command: [${WORK}/slow]}}`));
    await until('the step has begun', () => marks() === 'begun\n');
    const before = await units();
    expect(before).toHaveLength(1);
    await host.execOk(['systemctl', 'stop', AGENT_UNIT]);
    expect(await units()).toEqual(before);
    await host.execOk(['systemctl', 'start', AGENT_UNIT]);
    await until('the agent is back', () => fleet.isConnected('web01'));
    await host.execOk(['systemctl', 'kill', '--kill-who=all', '--signal=KILL', AGENT_UNIT]);
    await until('the agent is back once more', async () => (await active(AGENT_UNIT)) === 'active');
    expect(await units()).toEqual(before);
    host.write(`${WORK}/go`, '');
    const end = await fleet.watch(run);
    expect([end.code, end.stdout + end.stderr]).toEqual([0, expect.stringContaining('succeeded')]);
    expect(marks()).toBe('begun\ndone\n');
    await until('its unit is gone', async () => (await units()).length === 0);
  });

  it('reboot the server, mask and unmask around it, and prove it by the boot ids', async () => {
    const before = await host.bootId();
    await host.execOk(['sh', '-c', 'touch /run/reboot-required; echo linux-image-amd64 > /run/reboot-required.pkgs']);
    await host.execOk(['systemctl', 'restart', AGENT_UNIT]);
    await until('the facts ask for a reboot', async () =>
      (await fleet.cliOk('describe', 'host', 'web01', '-o', 'json')).includes('because of linux-image-amd64'),
    );
    const steps = [
      '{id: stop, uses: service/stop}',
      '{id: mask, uses: service/mask}',
      '{id: reboot, uses: system/reboot, when: facts.reboot.required, with: {max: 1}}',
      '{id: booted, uses: system/wait, with: {booted: 1m}}',
      '{id: unmask, uses: service/unmask}',
      '{id: start, uses: service/start}',
      '{id: up, uses: service/status}',
      '{id: loaded, uses: check/loaded}',
    ];
    const run = await fleet.begin(policy('two', ...steps));
    const end = await fleet.watch(run);
    expect([end.code, end.stdout + end.stderr]).toEqual([0, expect.stringContaining('succeeded')]);
    const after = await host.bootId();
    expect(after).not.toBe(before);
    expect(host.endedBoots()).toEqual([133]);
    const events = await fleet.cliOk('describe', 'run', run, '-o', 'json');
    expect(events).toContain(`boot ${before} -> ${after}`);
    expect(await active(`${PRODUCT}.service`)).toBe('active');
  });

  it('that take too long end with all that they started, whatever it forked into', async () => {
    const run = await fleet.begin(
      policy('three', `{id: hangs, uses: command/run, timeout: 2s, with: {command: [${WORK}/hangs]}}`),
    );
    await until('it hangs', () => marks().endsWith('hangs\n'));
    expect((await host.exec(['pgrep', '-f', 'sleep 42421'])).code).toBe(0);
    const end = await fleet.watch(run);
    expect(end.code).not.toBe(0);
    expect((await host.exec(['pgrep', '-f', 'sleep 4242'])).stdout).toBe('');
    expect(await units()).toEqual([]);
    expect(JSON.stringify(await fleet.incidents())).toContain('timeout of 2000 ms');
  });
});

const policy = (name: string, ...steps: string[]): string => `apiVersion: tidemark/v1
kind: PatchPolicy
metadata: {name: ${name}, owner: lab}
spec:
  select: host.env == "lab"
  bundle: {name: next}
  window: {duration: 1h, reserve: 5m, timezone: Europe/Berlin}
  tiers: [{name: web}]
  steps:
${steps.map(step => `    - ${step}\n`).join('')}`;

const landscape = (): string => `apiVersion: tidemark/v1
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
    service: {provider: systemd, units: [${PRODUCT}.service]}
`;
