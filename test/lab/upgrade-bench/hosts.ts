import { writeFileSync } from 'node:fs';
import type { RunEvent } from '@tidemark/controller/api/contract/runs.ts';
import { aptSource } from '../base.ts';
import { cpuSecondsOf } from '../cgroup.ts';
import { LabFleet } from '../fleet.ts';
import type { Host } from '../host.ts';
import type { Measured, Round, Side } from './report.ts';
import { SIDES } from './report.ts';

/** Fresh servers with the same packages pending, each with an agent; each is upgraded once, by the agent or by apt. */
export class UpgradeLab {
  readonly packages: ReadonlyMap<string, string>;
  private readonly fleet: LabFleet;
  private readonly waiting: Host[];

  private constructor(fleet: LabFleet, packages: ReadonlyMap<string, string>) {
    this.fleet = fleet;
    this.packages = packages;
    this.waiting = [...fleet.lab.hosts];
  }

  static async start(count: number, say: (line: string) => void): Promise<UpgradeLab> {
    const prepare = async (host: Host) => {
      host.write('/etc/apt/sources.list', aptSource('updates'));
      await host.execOk(['apt-get', '-qq', 'update']);
    };
    const fleet = await LabFleet.start({ count, prefix: 'upgrade', prepare, say });
    try {
      await fleet.importLandscape(landscape(fleet.lab.hosts.map(({ name }) => name)));
      const packages = await pendingUpdates(fleet.lab.first);
      const listed = [...packages].flatMap(([name, version]) => ['--package', `${name}=${version}`]);
      await fleet.cliOk('bundle', 'create', 'updates', ...listed);
      return new UpgradeLab(fleet, packages);
    } catch (error) {
      await fleet.down();
      throw error;
    }
  }

  down(): Promise<void> {
    return this.fleet.down();
  }

  /** Each side once, on a fresh server; who comes first changes from round to round. */
  async round(number: number): Promise<Round> {
    const measured: Partial<Round> = {};
    for (const at of SIDES.keys()) {
      const side = SIDES[(at + number) % SIDES.length] as Side;
      const host = this.waiting.shift();
      if (!host) throw new Error('there is no fresh server left');
      Object.assign(measured, side === 'agent' ? await this.byAgent(host) : { [side]: await this.byApt(host, side) });
      const left = await pendingUpdates(host);
      if (left.size > 0) throw new Error(`${host.name} still has ${[...left.keys()].join(', ')} pending`);
      await host.kill();
    }
    return measured as Round;
  }

  private get specs(): string[] {
    return [...this.packages].map(([name, version]) => `${name}=${version}`);
  }

  private async byApt(host: Host, side: 'apt' | 'staged'): Promise<Measured> {
    const install = (...options: string[]) => [...APT, ...options, 'install', ...this.specs];
    if (side === 'staged') await inUnit(host, install('--download-only'));
    const before = this.processorOf(host);
    const seconds = await inUnit(host, side === 'staged' ? install('--no-download') : install());
    return { seconds, processor: this.processorOf(host) - before };
  }

  private async byAgent(host: Host): Promise<Pick<Round, 'agent' | 'upgradeSeconds'>> {
    const { fleet } = this;
    const plan = `plan-${host.name}.json`;
    writeFileSync(fleet.desk('policy.yaml'), policy(host.name));
    await fleet.cliOk('plan', 'policy.yaml', '--out', plan);
    await fleet.cliOk('approve', plan, '--key', 'approver.key', '--yes');
    const before = this.processorOf(host);
    const { run } = await fleet.cliJson<{ run: string }>('apply', plan);
    await fleet.succeeds(run);
    const processor = this.processorOf(host) - before;
    const events = (await fleet.cliOk('run', 'events', run, '-o', 'jsonl')).trim().split('\n');
    const at = timesOf(events.map(line => JSON.parse(line) as RunEvent));
    const seconds = (from: string, to: string) => (at(to, 'succeeded') - at(from, 'started')) / 1000;
    return {
      agent: { seconds: seconds('fetch', 'upgrade'), processor },
      upgradeSeconds: seconds('upgrade', 'upgrade'),
    };
  }

  private processorOf(host: Host): number {
    return cpuSecondsOf(`${this.fleet.lab.places.cgroup}/${host.name}`);
  }
}

/** As a person who wants no questions asked calls it. */
const APT = [
  ...['apt-get', '-q', '-y', '--no-remove', '--allow-downgrades', '-o', 'Dpkg::Use-Pty=0'],
  ...['-o', 'APT::Keep-Downloaded-Packages=1', '-o', 'APT::Install-Recommends=0'],
  ...['-o', 'Dpkg::Options::=--force-confdef', '-o', 'Dpkg::Options::=--force-confold'],
];
const QUIETLY = ['DEBIAN_FRONTEND=noninteractive', 'NEEDRESTART_SUSPEND=1', 'LC_ALL=C.UTF-8'];
/** Takes the times beside the command itself, without a process more. */
const TIMED =
  'from=$EPOCHREALTIME; "$@" >/run/bench.log 2>&1 || { tail -n 20 /run/bench.log >&2; exit 1; }; echo $from $EPOCHREALTIME';

/** Seconds that a command takes in a unit of its own, where it counts as the host's. */
async function inUnit(host: Host, argv: readonly string[]): Promise<number> {
  const variables = QUIETLY.map(each => `--setenv=${each}`);
  const unit = [
    'systemd-run',
    '--quiet',
    '--wait',
    '--pipe',
    '--collect',
    ...variables,
    '--',
    'bash',
    '-c',
    TIMED,
    '-',
  ];
  const [from = Number.NaN, to = Number.NaN] = (await host.execOk([...unit, ...argv])).trim().split(' ').map(Number);
  return to - from;
}

/** When something of a job happened, by the agent's clock, in milliseconds. */
function timesOf(events: readonly RunEvent[]): (step: string, event: string) => number {
  return (step, event) => {
    const found = events.filter(each => each.step === step && each.event === event);
    const [only] = found;
    if (!only || found.length > 1) throw new Error(`${step} ${event} ${found.length} times instead of once`);
    return Date.parse(String(only.at));
  };
}

/** What the repository has newer, by name. */
async function pendingUpdates(host: Host): Promise<ReadonlyMap<string, string>> {
  const simulated = await host.execOk(['apt-get', '-s', 'dist-upgrade']);
  return new Map(
    [...simulated.matchAll(/^Inst (\S+) \[\S+\] \((\S+) /gm)].map(([, name = '', version = '']) => [name, version]),
  );
}

const landscape = (names: readonly string[]): string => `apiVersion: tidemark/v1
kind: Landscape
hosts:
${names.map(name => `  - {name: ${name}, application: bench, environment: lab}\n`).join('')}`;

/** Nothing but fetching and upgrading. */
const policy = (host: string): string => `apiVersion: tidemark/v1
kind: PatchPolicy
metadata: {name: upgrade, owner: bench}
spec:
  select: host.name == "${host}"
  bundle: {name: updates}
  window: {duration: 1h, reserve: 5m, timezone: Europe/Berlin}
  steps:
    - {id: fetch, uses: package/download}
    - {id: upgrade, uses: package/upgrade}
`;
