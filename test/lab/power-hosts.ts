import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { AGENT_STATE } from './agent.ts';
import { aptSource } from './base.ts';
import { type Ended, pause, runOk, until } from './command.ts';
import { LabFleet } from './fleet.ts';
import type { Host } from './host.ts';
import { describeCut, type PowerCut } from './power-cuts.ts';

/*
 * Hosts whose power goes in the middle of an upgrade of several real packages. Nobody repairs anything: systemd boots,
 * the agent comes up as its unit and goes on with the order that it has.
 */

export interface CutOutcome {
  cut: PowerCut;
  /** What dpkg had logged when the power went. */
  reached: string;
  /** What was wrong afterwards; nothing of it is good. */
  findings: string[];
}

interface Pace {
  /** Bytes that one upgrade adds to dpkg.log. */
  logged: number;
  /** From the beginning of the upgrade to the first of them. */
  beforeMs: number;
}

interface Event {
  host: string | null;
  job: string | null;
  event: string;
  attempt: number | null;
  direction?: string;
  message?: string;
}

interface PlannedPackages {
  wanted: Map<string, string>;
  retries: number;
}

/** A cut while an attempt runs costs an attempt; with a second cut, another one. */
const RETRIES = 4;
const RUN_WITHIN_MS = 300_000;
const LOOK_MS = 10;
const DARK_MS = 200;
const ENDS = ['succeeded', 'failed', 'unknown'];
/** Most of the time of an upgrade, in Perl and in shell, and no other way through dpkg than the others have. */
const LEFT_OUT = /^(perl|libperl|tzdata|ca-certificates)/;
const DPKG_LOG = '/var/log/dpkg.log';

export class PowerLab {
  readonly fleet: LabFleet;
  readonly packages: PlannedPackages;
  private pace: Pace = { logged: 0, beforeMs: 0 };
  private fresh = true;

  private constructor(fleet: LabFleet, packages: PlannedPackages) {
    this.fleet = fleet;
    this.packages = packages;
  }

  /** Hosts with old packages, and one upgrade without a cut to learn how long one is. */
  static async start(count: number, say: (line: string) => void): Promise<PowerLab> {
    const fleet = await LabFleet.start({ count, prefix: 'power', say });
    try {
      await fleet.lab.inTurn(async host => {
        await host.execOk(['apt-get', '-qq', 'update']);
        await host.execOk(['apt-get', '-qq', 'install', '-y', 'demo-svc']);
        host.write('/etc/apt/sources.list', aptSource('updates'));
        await host.execOk(['apt-get', '-qq', 'update']);
      });
      const names = fleet.lab.hosts.map(({ name }) => name);
      await fleet.importLandscape(landscape(names));
      const wanted = await pendingUpdates(fleet.lab.first);
      const packages = [...wanted].flatMap(([name, version]) => ['--package', `${name}=${version}`]);
      await fleet.cliOk('bundle', 'create', 'updates', ...packages);
      const lab = new PowerLab(fleet, { wanted, retries: RETRIES });
      await fleet.lab.inTurn(keep);
      await fleet.allConnected();
      await lab.learnPace();
      say(`${wanted.size} packages, ${lab.pace.logged} bytes in dpkg.log; dpkg begins after ${lab.pace.beforeMs} ms`);
      return lab;
    } catch (error) {
      await fleet.down();
      throw error;
    }
  }

  /** One cut on each of as many hosts, all in one run. */
  async cutAll(cuts: readonly PowerCut[]): Promise<CutOutcome[]> {
    const pairs = cuts.map((cut, index) => ({ cut, host: this.fleet.lab.hosts[index] as Host }));
    await this.makeOld(pairs.map(({ host }) => host));
    const run = await this.begin(pairs.map(({ host }) => host));
    const reached = await Promise.all(pairs.map(({ cut, host }) => this.cutOne(host, cut, run)));
    const end = await this.fleet.cli('run', 'watch', run, '--give-up', `${RUN_WITHIN_MS / 1000}s`);
    const events = await this.events(run);
    return Promise.all(
      pairs.map(async ({ cut, host }, index) => {
        const findings = await this.findingsOn(host, events);
        if (end.code !== 0) findings.push(...saidOf(host.name, end));
        return { cut, reached: reached[index] ?? '', findings };
      }),
    );
  }

  private async learnPace(): Promise<void> {
    const host = this.fleet.lab.first;
    const before = loggedOn(host);
    const run = await this.begin([host]);
    await this.upgradeBegins(host, run);
    const begun = performance.now();
    await until('dpkg begins', () => loggedOn(host) > before, { everyMs: LOOK_MS });
    const beforeMs = Math.round(performance.now() - begun);
    await this.fleet.succeeds(run);
    this.pace = { logged: loggedOn(host) - before, beforeMs };
    this.fresh = false;
  }

  private async makeOld(hosts: readonly Host[]): Promise<void> {
    // The very first upgrade left the other hosts as they were.
    if (!this.fresh) await Promise.all(hosts.map(makeOld));
    await until('all agents are connected', async () => {
      const connected = await Promise.all(hosts.map(({ name }) => this.fleet.isConnected(name)));
      return connected.every(Boolean);
    });
    this.fresh = false;
  }

  private begin(hosts: readonly Host[]): Promise<string> {
    return this.fleet.begin(policy(hosts.map(({ name }) => name)));
  }

  private async events(run: string): Promise<Event[]> {
    const lines = (await this.fleet.cliOk('run', 'events', run, '-o', 'jsonl')).split('\n');
    return lines.filter(line => line !== '').map(line => JSON.parse(line) as Event);
  }

  private async cutOne(host: Host, cut: PowerCut, run: string): Promise<string> {
    const { moment, laterMs, againMs } = cut;
    const before = loggedOn(host);
    await this.upgradeBegins(host, run);
    if (moment.phase === 'before dpkg') await pause(moment.fraction * this.pace.beforeMs);
    else {
      const share = moment.phase === 'dpkg' ? moment.fraction : 1;
      const bytes = Math.max(1, Math.floor(share * this.pace.logged));
      await until(`${describeCut(cut)}: dpkg has logged ${bytes} bytes`, () => loggedOn(host) - before >= bytes, {
        everyMs: LOOK_MS,
        withinMs: RUN_WITHIN_MS,
        describe: () => `it is at ${loggedOn(host) - before}`,
      });
    }
    await pause(laterMs);
    await host.kill();
    const reached = `${Math.round((100 * (loggedOn(host) - before)) / this.pace.logged)} %`;
    await pause(DARK_MS);
    host.boot();
    if (againMs !== null) {
      await pause(againMs);
      await host.kill();
      await pause(DARK_MS);
      host.boot();
    }
    return reached;
  }

  /** Until the agent has laid out the step that upgrades. */
  private async upgradeBegins(host: Host, run: string): Promise<void> {
    const steps = host.path(`${AGENT_STATE}/steps`);
    const isUpgrade = (name: string): boolean => {
      try {
        return readFileSync(join(steps, name, 'call.json'), 'utf8').includes('"package/upgrade"');
      } catch {
        return false;
      }
    };
    await until(`${host.name} upgrades`, () => existsSync(steps) && readdirSync(steps).some(isUpgrade), {
      everyMs: LOOK_MS,
      withinMs: RUN_WITHIN_MS,
      describe: () => this.fleet.cliOk('describe', 'run', run),
    });
  }

  private async findingsOn(host: Host, events: readonly Event[]): Promise<string[]> {
    await host.ready();
    const findings: string[] = [];
    const audit = await host.execOk(['dpkg', '--audit']);
    if (audit !== '') findings.push(`dpkg --audit: ${audit}`);
    const check = await host.exec(['apt-get', 'check', '-qq']);
    if (check.code !== 0) findings.push(`apt-get check: ${check.stderr}${check.stdout}`);
    const installed = await versionsOn(host);
    for (const [name, version] of this.packages.wanted) {
      const found = installed.get(name);
      if (found !== `${version} installed`) findings.push(`${name} is ${found ?? 'not there'} instead of ${version}`);
    }
    const active = (await host.exec(['systemctl', 'is-active', 'demo-svc'])).stdout.trim();
    if (active !== 'active') findings.push(`demo-svc is ${active}`);
    return [...findings, ...wrongStarts(host.name, events, this.packages.retries)];
  }
}

/** What a run that did not succeed said of this host; nothing where it was well. */
function saidOf(host: string, { code, stdout, stderr }: Ended): string[] {
  const lines = (stderr + stdout).split('\n').filter(line => line.includes(` ${host} `));
  const last = lines.at(-1);
  if (last?.includes(`${host} succeeded`)) return [];
  return [`the run ended with ${code}: ${lines.join('\n       ')}`];
}

/** No attempt started twice, none without an end, no more attempts than the order allows. */
function wrongStarts(host: string, events: readonly Event[], retries: number): string[] {
  const own = events.filter(event => event.host === host && event.job !== null);
  return [...Map.groupBy(own, ({ job, direction }) => `${direction} ${job}`)].flatMap(([job, each]) => {
    const attemptsWith = (kinds: readonly string[]) =>
      each.filter(({ event }) => kinds.includes(event)).map(({ attempt }) => attempt);
    const started = attemptsWith(['started']);
    const ended = attemptsWith(ENDS);
    const story = each.map(({ event, attempt, message }) => `${event} ${attempt ?? ''} ${message ?? ''}`).join('; ');
    if (new Set(started).size !== started.length) return [`${job}: an attempt was started twice: ${story}`];
    if (started.length > retries + 1) return [`${job}: started more often than it may: ${story}`];
    if ([...started].sort().join() !== [...ended].sort().join()) return [`${job}: a result is missing: ${story}`];
    return [];
  });
}

const landscape = (names: readonly string[]): string => `apiVersion: tidemark/v1
kind: Landscape
tiers: [app]
hosts:
${names.map(name => `  - {name: ${name}, application: shop-${name}, environment: lab}\n`).join('')}components:
${names
  .map(
    name =>
      `  - {name: demo, host: ${name}, tier: app, kind: service, package: demo-svc, service: {provider: systemd, units: [demo-svc.service]}}\n`,
  )
  .join('')}`;

const policy = (hosts: readonly string[]): string => `apiVersion: tidemark/v1
kind: PatchPolicy
metadata: {name: power, owner: team-shop}
spec:
  select: host.name in ${JSON.stringify(hosts)}
  bundle: {name: updates}
  window: {duration: 2h, reserve: 5m, timezone: Europe/Berlin}
  tiers: {span: host, order: [{name: app}]}
  defaults: {retries: {max: ${RETRIES}, backoff: 1s}}
  waves:
    - {name: all, maxParallel: 100}
  steps: standard
`;

/** What the repository has newer, by name, without what is left out. */
async function pendingUpdates(host: Host): Promise<Map<string, string>> {
  const simulated = await host.execOk(['apt-get', '-s', 'dist-upgrade']);
  const all = [...simulated.matchAll(/^Inst (\S+) \[\S+\] \((\S+) /gm)];
  return new Map(
    all.map(([, name = '', version = '']) => [name, version] as const).filter(([name]) => !LEFT_OUT.test(name)),
  );
}

async function versionsOn(host: Host): Promise<Map<string, string>> {
  const format = ['$', '{Package} $', '{Version} $', '{db:Status-Status}\\n'].join('');
  const lines = (await host.execOk(['dpkg-query', '-W', '-f', format])).trim().split('\n');
  return new Map(lines.map(line => [line.slice(0, line.indexOf(' ')), line.slice(line.indexOf(' ') + 1)]));
}

const loggedOn = (host: Host): number => statSync(host.path(DPKG_LOG), { throwIfNoEntry: false })?.size ?? 0;

/** Keeps what the host is like now. */
async function keep(host: Host): Promise<void> {
  await host.kill();
  const { upper, kept } = layersOf(host);
  // With whiteouts, which are devices, and overlayfs' own attributes.
  await runOk(['cp', '-a', upper, kept]);
  host.boot();
  await host.ready();
}

/** As it was kept; what the agent knows stays, since it has orders and numbers that the controller counts on. */
async function makeOld(host: Host): Promise<void> {
  await host.kill();
  const { upper, work, kept, state } = layersOf(host);
  const root = host.path('/').replace(/\/$/, '');
  const mounted = readFileSync('/proc/self/mounts', 'utf8')
    .split('\n')
    .map(line => line.split(' '))
    .find(([, where]) => where === root);
  if (!mounted) throw new Error(`${root} is not mounted`);
  await runOk(['umount', root]);
  renameSync(join(upper, AGENT_STATE), state);
  for (const each of [upper, work]) rmSync(each, { recursive: true, force: true });
  await runOk(['cp', '-a', kept, upper]);
  rmSync(join(upper, AGENT_STATE), { recursive: true });
  renameSync(state, join(upper, AGENT_STATE));
  mkdirSync(work);
  await runOk(['mount', '-t', 'overlay', mounted[0] ?? '', '-o', mounted[3] ?? '', root]);
  host.boot();
}

const layersOf = ({ directory }: Host) => ({
  upper: join(directory, 'upper'),
  work: join(directory, 'work'),
  kept: join(directory, 'upper.kept'),
  state: join(directory, 'agent-state'),
});
