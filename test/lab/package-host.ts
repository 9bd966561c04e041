import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { compareDpkgVersions } from '@tidemark/shared/versions/dpkg.ts';
import { ensureBase } from './base.ts';
import { runOk, until } from './command.ts';
import type { LabFleet, RunEvent } from './fleet.ts';
import type { Host } from './host.ts';
import { saidBy } from './night.ts';

/* Hosts with the service `demo-svc` of a package: what is done to them and seen of them in scenarios. */

/** Scenarios that share a fleet. */
export interface Part {
  names: readonly string[];
  /** Before a host's first boot. */
  layOut(host: Host): Promise<void> | void;
  /** Makes bundles. */
  setUp(fleet: LabFleet): Promise<void>;
  scenarios(fleet: () => LabFleet): void;
}

/** demo-svc 1.0, installed and enabled before the host boots. */
export async function layOutDemo(host: Host): Promise<void> {
  await installInTree(host, join((await ensureBase()).repository, 'pool/demo/demo-svc_1.0_all.deb'));
  await runOk(['chroot', host.path('/'), 'systemctl', 'enable', '-q', 'demo-svc']);
}

/** By the dpkg of a host that is not running. */
export async function installInTree(host: Host, deb: string): Promise<void> {
  const within = `/var/tmp/${basename(deb)}`;
  host.write(within, readFileSync(deb));
  await runOk(['chroot', host.path('/'), 'dpkg', '--install', within], { env: TREE_ENVIRONMENT });
  rmSync(host.path(within));
}
const TREE_ENVIRONMENT = {
  PATH: '/usr/sbin:/usr/bin:/sbin:/bin',
  DEBIAN_FRONTEND: 'noninteractive',
  LC_ALL: 'C.UTF-8',
};

export const demoLandscape = (names: readonly string[], more: readonly string[]): string => `apiVersion: tidemark/v1
kind: Landscape
tiers: [app]
hosts:
${names.map(name => `  - {name: ${name}, application: shop-${name}, environment: lab}\n`).join('')}components:
${[
  ...names.map(
    name =>
      `{name: demo, host: ${name}, tier: app, kind: service, package: demo-svc, service: {provider: systemd, units: [demo-svc.service]}}`,
  ),
  ...more,
]
  .map(line => `  - ${line}\n`)
  .join('')}`;

/** `changes` are lines of YAML: what is another than in the standard steps. */
export const packagePolicy = (
  bundle: string,
  hosts: readonly string[],
  changes: readonly string[] = [],
  add: readonly string[] = [],
): string => `apiVersion: tidemark/v1
kind: PatchPolicy
metadata: {name: ${bundle}-${hosts[0]}, owner: team-shop}
spec:
  select: host.name in ${JSON.stringify(hosts)}
  bundle: {name: ${bundle}}
  window: {duration: 2h, reserve: 5m, timezone: Europe/Berlin}
  tiers: {span: host, order: [{name: app}]}
  defaults: {retries: {max: 0, backoff: 1s}}
  waves: [{name: all, maxParallel: 100}]
  steps:
    base: standard
    change:
      fingerprint: {skip: true}
${changes.map(line => `      ${line}\n`).join('')}${add.length > 0 ? `    add:\n${add.map(line => `      - ${line}\n`).join('')}` : ''}`;

/** `1.1 installed`; other words where it is not well. */
export const versionOf = (host: Host, name: string): Promise<string> =>
  host.execOk(['dpkg-query', '-W', '-f', ['$', '{Version} $', '{db:Status-Status}'].join(''), name]);

/** From outside: this version, nothing half done, the service up. */
export async function condition(host: Host, name = 'demo-svc') {
  return {
    version: await versionOf(host, name),
    audit: await host.execOk(['dpkg', '--audit']),
    service: (await host.exec(['systemctl', 'is-active', 'demo-svc'])).stdout.trim(),
  };
}
export const well = (version: string) => ({ version: `${version} installed`, audit: '', service: 'active' });

/** Of one job, forwards: `['started 1', 'failed 1', 'started 2', ...]`. */
export const storyOf = (events: readonly RunEvent[], job: string, direction = 'forward'): string[] =>
  events
    .filter(event => event.job === job && event.direction === direction && event.event !== 'released')
    .map(({ event, attempt }) => `${event} ${attempt}`);

/** What a job said in the end. */
export const lastWord = (events: readonly RunEvent[], job: string, direction = 'forward'): string =>
  events.findLast(event => event.job === job && event.direction === direction && event.message !== undefined)
    ?.message ?? '';

/** Follows a run to an end that is not a success, and gives all that it said. */
export async function fails(fleet: LabFleet, run: string): Promise<string> {
  const end = await fleet.watch(run);
  if (end.code === 4) return saidBy(end);
  throw new Error(
    `run ${run} should fail and ended with ${end.code}:\n${saidBy(end)}\n${await fleet.cliOk('describe', 'run', run)}`,
  );
}

/** What the repository has newer of what a host has, by name; without what takes long and has no other way through dpkg. */
export async function pendingUpdates(host: Host): Promise<Map<string, string>> {
  const { repository } = await ensureBase();
  const files = readdirSync(join(repository, 'pool/updates')).filter(name => name.endsWith('.deb'));
  const has = new Map(
    (await host.execOk(['dpkg-query', '-W', '-f', ['$', '{Package} $', '{Version}\\n'].join('')]))
      .trim()
      .split('\n')
      .map(line => line.split(' ') as [string, string]),
  );
  const listed = files.map(file => {
    const [name = '', version = ''] = file.split('_');
    return [name, decodeURIComponent(version)] as const;
  });
  return new Map(
    listed.filter(([name, version]) => {
      const here = has.get(name);
      return here !== undefined && !LEFT_OUT.test(name) && compareDpkgVersions(here, version) < 0;
    }),
  );
}
/** Perl and shell for most of the time of an upgrade. */
const LEFT_OUT = /^(perl|libperl|tzdata|ca-certificates)/;

export const asPackages = (packages: Iterable<readonly [string, string]>): string[] =>
  [...packages].flatMap(([name, version]) => ['--package', `${name}=${version}`]);

/** Waits until dpkg's log says something so often that it did not say `before`. */
export const dpkgSays = (host: Host, words: RegExp, times: number): Promise<void> =>
  until(`${host.name}: dpkg's log says ${words} ${times} times`, () => counted(host, words) >= times, {
    everyMs: 20,
    withinMs: 120_000,
  });

export const counted = (host: Host, words: RegExp): number =>
  host.exists('/var/log/dpkg.log')
    ? host
        .read('/var/log/dpkg.log')
        .split('\n')
        .filter(line => words.test(line)).length
    : 0;
