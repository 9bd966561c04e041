import type { RunView } from '@tidemark/controller/api/contract/runs.ts';
import { buildRelease, installByHand } from '../../support/product.ts';
import { aptSource } from '../base.ts';
import { until } from '../command.ts';
import { LabFleet } from '../fleet.ts';
import type { Host } from '../host.ts';
import { saidBy } from '../night.ts';
import { DATABASE_PACKAGES, fillDatabase, follows, layOutDatabase } from './database-pair.ts';
import { BUNDLE, estateOf, landscapeOf, NEW, OLD, PRODUCT, policyOf, type Server } from './estate.ts';
import { findingsOf } from './findings.ts';
import { type Usage, watchUsage } from './usage.ts';

/*
 * The great night: real servers with real pending updates, taken through the whole standard order by a real controller in
 * one window; then every server is looked at from outside, whatever was reported.
 */

export interface GreatNight {
  servers: readonly Server[];
  /** The bundle's packages: name and exact version. */
  packages: ReadonlyMap<string, string>;
  run: RunView;
  /** Seconds from the machine as it was to a fleet that could be patched. */
  setUpSeconds: number;
  usage: Usage;
  /** By server: what was found wrong on it afterwards, from outside; empty where it is patched and well. */
  findings: ReadonlyMap<string, readonly string[]>;
}

/** Hosts at work side by side: more would only wait for the processors of one machine. */
const atOnce = (hosts: number): number => (hosts < 50 ? 6 : 12);

const POLICY = `kinds: ["check/*", artifact/stage, "snapshot/*", "batch/*", "service/*", "archive/*", "package/*", cluster/handover, scan/run, "system/*"]
programs: [/opt/*/current/bin/*, /usr/local/sbin/database-pair]
paths: [/opt/*, /opt/*/**, /etc, /etc/**]
`;

export interface NightOptions {
  hosts: number;
  id?: string;
  kept?: boolean;
  say?: (line: string) => void;
}

/** Boots the servers; the fleet that is given is the caller's to take down. */
export async function startEstate({ hosts, say = () => undefined, ...options }: NightOptions): Promise<LabFleet> {
  const servers = estateOf(hosts);
  const byName = new Map(servers.map(server => [server.name, server]));
  const databases = servers.filter(({ tier }) => tier === 'db').map(({ name }) => [name, DATABASE_PACKAGES] as const);
  return LabFleet.start({
    ...options,
    names: servers.map(({ name }) => name),
    packagesOf: Object.fromEntries(databases),
    policy: POLICY,
    say,
    layOut: host => {
      const server = byName.get(host.name);
      if (server?.tier === 'db') layOutDatabase(host, server);
      if (server?.tier === 'app') installByHand(host.path('/'), PRODUCT, OLD);
    },
    prepare: async host => {
      const server = byName.get(host.name);
      if (server) await prepare(host, server);
    },
  });
}

/** Makes a server what somebody has run for a while, with updates pending. */
async function prepare(host: Host, { tier, pair }: Server): Promise<void> {
  if (tier === 'db' && pair?.active !== false) await fillDatabase(host);
  if (tier === 'app') {
    await host.execOk(['apt-get', '-qq', 'update']);
    await host.execOk(['apt-get', '-qq', 'install', '-y', 'demo-svc']);
    const script = `/opt/${PRODUCT}/current/bin/${PRODUCT}`;
    await host.execOk(['systemd-run', '--quiet', '--scope', '--setenv=TIDEMARK_ROOT=/', script, 'start']);
  }
  host.write('/etc/apt/sources.list', aptSource('updates'));
}

/** Makes landscape and bundle known to the controller; gives the bundle's packages. */
async function describeToController(fleet: LabFleet, servers: readonly Server[]): Promise<Map<string, string>> {
  for (const version of [OLD, NEW])
    await fleet.cliOk('signatures', 'import', await buildRelease(fleet.desk('releases'), PRODUCT, version));
  await fleet.importLandscape(landscapeOf(servers));
  const application = servers.find(({ tier }) => tier === 'app')?.name ?? '';
  const pending = await pendingUpdates(fleet.host(application));
  const packages = [...pending].flatMap(([name, version]) => ['--package', `${name}=${version}`]);
  await fleet.cliOk('bundle', 'create', BUNDLE, ...packages, '--release', `${PRODUCT}@${NEW}`);
  return pending;
}

/** `libssl3:amd64` to the version that the repository has newer. */
async function pendingUpdates(host: Host): Promise<Map<string, string>> {
  await host.execOk(['apt-get', '-qq', 'update']);
  const simulated = await host.execOk(['apt-get', '-s', 'dist-upgrade']);
  const lines = [...simulated.matchAll(/^Inst (\S+) \[\S+\] \((\S+) .*\[(\w+)\]\)/gm)];
  return new Map(
    lines.map(([, name = '', version = '', arch = '']) => [arch === 'all' ? name : `${name}:${arch}`, version]),
  );
}

/** So many agents answer side by side on two processors that it takes a while: that is nothing the night is about. */
const KNOWN_WITHIN_MS = 1_800_000;
/** Each look asks every agent again, which keeps two processors busy for this long for each of them. */
const LOOK_EVERY_MS = 200;
const FOLLOWING_WITHIN_MS = 300_000;

/** The whole night on a fleet of {@link startEstate}, which was begun at that time of `performance.now()`. */
export async function greatNight(
  fleet: LabFleet,
  begun: number,
  say: (line: string) => void = () => undefined,
): Promise<GreatNight> {
  const servers = estateOf(fleet.lab.hosts.length);
  const packages = await describeToController(fleet, servers);
  const policy = policyOf(servers, atOnce(servers.length));
  let leftOut = new Map<string, string>();
  const described = () => [...leftOut].map(([host, reason]) => `${host}: ${reason}`).join('\n');
  const all = async () => {
    leftOut = await fleet.leftOut(policy);
    return leftOut.size === 0;
  };
  const everyMs = Math.max(2_000, servers.length * LOOK_EVERY_MS);
  await until('a plan leaves no server out', all, { withinMs: KNOWN_WITHIN_MS, everyMs, describe: described });
  const follow = async () => (await notFollowing(fleet, servers)).length === 0;
  await until('every standby follows', follow, { withinMs: FOLLOWING_WITHIN_MS });
  const setUpSeconds = (performance.now() - begun) / 1000;
  say(`${servers.length} servers can be patched after ${Math.round(setUpSeconds)} s`);
  const usage = watchUsage(fleet.lab, fleet.controllerPid);
  const run = await fleet.begin(policy);
  say(`run ${run} has begun`);
  const end = await fleet.watch(run);
  const used = usage.end();
  if (end.code !== 0) say(saidBy(end));
  const view = await fleet.cliJson<RunView>('run', 'show', run);
  const findings = await findingsOf(fleet, servers, packages, view);
  return { servers, packages, run: view, setUpSeconds, usage: used, findings };
}

async function notFollowing(fleet: LabFleet, servers: readonly Server[]): Promise<string[]> {
  const away: string[] = [];
  for (const { name, pair } of servers) if (pair && !pair.active && !(await follows(fleet.host(name)))) away.push(name);
  return away;
}
