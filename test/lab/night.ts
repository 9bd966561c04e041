import { readlinkSync } from 'node:fs';
import { expect } from 'vitest';
import { buildRelease, installByHand, marksOf } from '../support/product.ts';
import { type Ended, until } from './command.ts';
import type { LabFleet } from './fleet.ts';
import type { Host } from './host.ts';

/*
 * A small patch night on real servers: each has the product "alpha" (test/support/product.ts), which leaves a mark for
 * every time that it is started or stopped, in release 1.0.0; 1.1.0 is there to be patched.
 */

const PRODUCT = 'alpha';
const BUNDLE = 'next';
const SCRIPT = `/opt/${PRODUCT}/current/bin/${PRODUCT}`;
export const OLD = '1.0.0';
export const NEW = '1.1.0';

/**
 * Lays the product out on every host, starts it, and makes landscape and bundle known to the controller. `more` are lines
 * of further components.
 */
export async function setUpNight(fleet: LabFleet, more: readonly string[] = []): Promise<void> {
  const { hosts } = fleet.lab;
  for (const host of hosts) {
    installByHand(host.path('/'), PRODUCT, OLD);
    const start = [`--unit=${PRODUCT}-by-hand`, '--setenv=TIDEMARK_ROOT=/', SCRIPT, 'start'];
    await host.execOk(['systemd-run', '--quiet', '--scope', ...start]);
  }
  for (const version of [OLD, NEW]) {
    await fleet.cliOk('signatures', 'import', await buildRelease(fleet.desk('releases'), PRODUCT, version));
  }
  await fleet.importLandscape(landscape(hosts.map(({ name }) => name)) + more.map(line => `  - ${line}\n`).join(''));
  await fleet.cliOk('bundle', 'create', BUNDLE, '--release', `${PRODUCT}@${NEW}`);
  // Plans wait some seconds for agents and then take what these told before: of servers that have just booted, all at once, nothing.
  const everyHost = nightPolicy(hosts.map(({ name }) => name));
  await until('every host has told what is installed on it', async () => {
    const left = await fleet.leftOut(everyHost).catch((error: Error) => [['', error.message] as const]);
    return ![...left].some(([, reason]) => /reports no release/.test(reason));
  });
}

function landscape(hosts: readonly string[]): string {
  const service = `{provider: script, start: [${SCRIPT}, start], stop: [${SCRIPT}, stop], status: [${SCRIPT}, status]}`;
  const components = hosts.map(
    host =>
      `  - {name: ${PRODUCT}, host: ${host}, tier: app, kind: service, product: ${PRODUCT}, service: ${service}}\n`,
  );
  return `apiVersion: tidemark/v1
kind: Landscape
tiers: [app]
hosts:
${hosts.map(host => `  - {name: ${host}, application: shop-${host}, environment: lab}\n`).join('')}components:
${components.join('')}`;
}

interface NightOptions {
  /** YAML. */
  steps?: string;
  waves?: string;
}

/** Patches these hosts by the standard steps, all of them at once. */
export const nightPolicy = (
  hosts: readonly string[],
  { steps = 'standard', waves = '[{name: all, maxParallel: 10}]' }: NightOptions = {},
): string => `apiVersion: tidemark/v1
kind: PatchPolicy
metadata: {name: night-${hosts.join('-')}, owner: team-shop}
spec:
  select: host.name in ${JSON.stringify(hosts)}
  bundle: {name: ${BUNDLE}}
  window: {duration: 2h, reserve: 5m, timezone: Europe/Berlin}
  tiers: {span: host, order: [{name: app}]}
  waves: ${waves}
  steps: ${steps}
`;

/** The standard steps of a night, where room is kept for what else grows on the host: half of {@link ROOMY_DISK}. */
export const CAUTIOUS_STEPS = `
    - {id: space, uses: check/disk, with: {reserve: 500MB}, onFailure: skip-host}
    - {id: stage, uses: artifact/stage, needs: [space], onFailure: skip-host}
    - {id: stop, uses: service/stop, needs: [stage], order: tiers, undo: service/start}
    - {id: patch, uses: archive/install, needs: [stop], undo: archive/activate}
    - {id: start, uses: service/start, needs: [patch], order: tiers-reversed, undo: service/stop}`;
export const ROOMY_DISK = '1000M';

/** Lets every stop take so long, for something to happen meanwhile. */
export const slowStop = (host: Host, seconds: number): void => host.write('/slow-stop', String(seconds));

export const stops = (host: Host): number => marksOf(host.path('/'), `stop ${PRODUCT}`);
export const starts = (host: Host): number => marksOf(host.path('/'), `start ${PRODUCT}`);

/** The release that `current` points at. */
export const current = (host: Host): string =>
  readlinkSync(host.path(`/opt/${PRODUCT}/current`)).replace('releases/', '');

export const isRunning = async (host: Host): Promise<boolean> =>
  (await host.exec([SCRIPT, 'status'], { env: { TIDEMARK_ROOT: '/' } })).code === 0;

/** From outside: stopped once, started once more, and the new release runs. */
export async function patchedOnce(host: Host): Promise<void> {
  expect({ current: current(host), stops: stops(host), starts: starts(host) }).toEqual({
    current: NEW,
    stops: 1,
    // Once before the night, once in it.
    starts: 2,
  });
  expect(await isRunning(host)).toBe(true);
}

/** What was said of every job of a host, in order: `started`, `failed`, ... by the job's name. */
export async function histories(fleet: LabFleet, run: string, host: Host): Promise<Map<string, string[]>> {
  const events = (await fleet.events(run, host)).filter(event => event.job);
  return new Map(
    [...Map.groupBy(events, ({ job }) => job ?? '')].map(([job, each]) => [job, each.map(({ event }) => event)]),
  );
}

/** All that a run said, for the message of a failed assertion. */
export const saidBy = ({ stdout, stderr }: Ended): string => `${stderr}${stdout}`;
