import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { groupProcesses, killGroup, makeGroup, removeGroup, setFrozen } from './cgroup.ts';
import { CommandFailed, type CommandOptions, type Ended, run, runOk, until } from './command.ts';
import { plugIn } from './network.ts';
import { hostAddress, inNamespace, type LabPlaces } from './places.ts';

export interface HostOptions {
  name: string;
  /** From 1: its place in the lab's network. */
  index: number;
  /** The lowest layer. */
  tree: string;
  /** What all hosts of the lab are called, for /etc/hosts. */
  names: readonly string[];
  /** Directories of this machine that the host sees, read-only: from, to. */
  binds?: readonly (readonly [string, string])[];
  /** The host's file system is of this size, such as `64M`; without it, it is the machine's. */
  diskSize?: string;
}

export interface ExecOptions extends CommandOptions {
  env?: Record<string, string>;
}

/** What a command sees: nothing of the machine's own environment. */
const ENVIRONMENT = {
  PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  HOME: '/root',
  LANG: 'C.UTF-8',
  DEBIAN_FRONTEND: 'noninteractive',
};

/** A command that hangs is named before the limit of the test that runs it passes. */
const COMMAND_WITHIN_MS = 420_000;
const READY_WITHIN_MS = 120_000;
/** Of a host that is going down nobody answers. */
const ASK_FOR_S = 10;
const POWER_OFF_WITHIN_MS = 20_000;

/**
 * A server with a systemd of its own: its own PID 1, host name, address, boot id, journal and package database. A clone
 * (overlay) of the base tree, so that it boots in less than a second; it stays what it has become over reboots and power
 * cuts. Kernel and wall clock are the machine's.
 */
export class Host {
  readonly name: string;
  readonly address: string;
  readonly directory: string;
  private readonly lab: LabPlaces;
  private readonly options: HostOptions;

  constructor(lab: LabPlaces, options: HostOptions) {
    this.lab = lab;
    this.options = options;
    this.name = options.name;
    this.address = hostAddress(options.index);
    this.directory = lab.host(options.name);
  }

  // -- being there ----------------------------------------------------------------------------------------------------

  /** Makes its file system and its network; does not boot it. */
  async create(): Promise<void> {
    const layers = await this.layers();
    const [upper, work, root] = [join(layers, 'upper'), join(layers, 'work'), this.path('/')];
    for (const each of [upper, work, root]) mkdirSync(each, { recursive: true });
    // "volatile": a clone is thrown away, so nothing waits for the machine's disk.
    const options = `lowerdir=${this.options.tree},upperdir=${upper},workdir=${work},volatile`;
    await runOk(['mount', '-t', 'overlay', `tidemark-${this.lab.id}-${this.name}`, '-o', options, root]);
    this.write('/etc/hostname', `${this.name}\n`);
    const known = this.options.names.map((name, index) => `${hostAddress(index + 1)} ${name}`);
    this.write('/etc/hosts', ['127.0.0.1 localhost', ...known, ''].join('\n'));
    this.write('/etc/machine-id', `${randomUUID().replaceAll('-', '')}\n`);
    writeFileSync(
      join(this.directory, 'cgroups'),
      makeGroup(this.cgroup)
        .map(each => `${each}\n`)
        .join(''),
    );
    await plugIn(this.lab, this.name, this.options.index, this.address);
  }

  /** Where upper and work directories lie: on a file system of its own where its size is to be limited. */
  private async layers(): Promise<string> {
    mkdirSync(this.directory, { recursive: true });
    if (this.options.diskSize === undefined) return this.directory;
    const [image, disk] = [join(this.directory, 'disk.img'), join(this.directory, 'disk')];
    mkdirSync(disk);
    await runOk(['truncate', '-s', this.options.diskSize, image]);
    await runOk(['mkfs.ext4', '-q', '-m', '0', '-O', '^has_journal', image]);
    await runOk(['mount', '-o', 'loop', image, disk]);
    return disk;
  }

  /** Switches it on. Its supervisor lives on when this process ends. */
  boot(): void {
    if (this.isUp()) throw new Error(`${this.name} is running: it cannot be booted again`);
    const { directory, name, lab, options } = this;
    const log = openSync(join(directory, 'supervisor.log'), 'a');
    const binds = (options.binds ?? []).map(([from, to]) => `--bind-ro=${from}:${to}`);
    const supervisor = join(import.meta.dirname, 'lab-run.sh');
    const child = spawn(supervisor, [directory, lab.hostNamespace(name), name, ...binds], {
      detached: true,
      stdio: ['ignore', log, log],
    });
    if (child.pid === undefined) throw new Error(`the supervisor of ${name} does not start`);
    writeFileSync(join(directory, 'supervisor.pid'), String(child.pid));
    child.unref();
  }

  /** Waits until systemd has started all that it starts; a unit that failed does not hinder. */
  async ready(withinMs = READY_WITHIN_MS): Promise<void> {
    let said = '';
    await until(
      `${this.name} is ready`,
      async () => {
        if (this.leader() === null) return false;
        // It waits by itself, once there is somebody to ask: asking again and again takes as much time as the boot.
        const ask = ['timeout', String(ASK_FOR_S), 'systemctl', 'is-system-running', '--wait'];
        const ended = await this.exec(ask).catch(() => null);
        said = ended ? `${ended.stdout}${ended.stderr}`.trim() : 'it cannot be entered yet';
        return said === 'running' || said === 'degraded';
      },
      { withinMs, describe: () => `systemd says "${said}"; ${join(this.directory, 'console.log')} says more` },
    );
  }

  isUp(): boolean {
    return this.leader() !== null || groupProcesses(this.cgroup).length > 0;
  }

  /** Power cut: everything on it ends at once. Its disk stays as it is. {@link boot} switches it on again. */
  async kill(): Promise<void> {
    // The supervisor first, so that it does not take this for a reboot.
    const supervisor = Number(readFileSync(join(this.directory, 'supervisor.pid'), 'utf8'));
    if (groupProcesses(this.cgroup).includes(supervisor)) process.kill(supervisor, 'SIGKILL');
    await killGroup(this.cgroup);
  }

  /** Shuts it down as a person would. */
  async stop(): Promise<void> {
    await this.exec(['systemctl', 'poweroff']);
    await until(`${this.name} is off`, () => !this.isUp(), { withinMs: POWER_OFF_WITHIN_MS });
  }

  /** Hung: nothing on it runs, its network connections stay open and nobody answers. */
  freeze(): void {
    setFrozen(this.cgroup, true);
  }

  thaw(): void {
    setFrozen(this.cgroup, false);
  }

  /** Ends it and takes its file system away; its network goes with the lab's. */
  async remove(): Promise<void> {
    await killGroup(this.cgroup);
    for (const mounted of [this.path('/'), join(this.directory, 'disk')]) {
      if ((await run(['mountpoint', '-q', mounted])).code === 0) await runOk(['umount', '--lazy', mounted]);
    }
    await removeGroup(this.cgroup);
    rmSync(this.directory, { recursive: true, force: true });
  }

  /** Pulls its network cable: packets are dropped both ways and connections stay open. */
  async cut(): Promise<void> {
    const chain = (hook: string) =>
      `add chain inet cable ${hook} { type filter hook ${hook} priority 0; policy drop; }`;
    await this.net(['nft', `add table inet cable; ${chain('input')}; ${chain('output')}`]);
  }

  /** Plugs it in again. */
  async mend(): Promise<void> {
    await this.net(['nft', 'delete table inet cable']);
  }

  // -- looking into it ------------------------------------------------------------------------------------------------

  /** Runs a command on it and gives how it ended; rejects where the host is not running. */
  async exec(argv: readonly string[], { env, ...options }: ExecOptions = {}): Promise<Ended> {
    return run(this.command(argv, env), { timeoutMs: COMMAND_WITHIN_MS, ...options });
  }

  /** The command of this machine that runs `argv` on the host; throws where the host is not running. */
  command(argv: readonly string[], env: Record<string, string> = {}): string[] {
    const leader = this.leader();
    if (leader === null) throw new CommandFailed(`${this.name} is not running`);
    const enter = ['nsenter', '-m', '-u', '-i', '-n', '-p', '-C', '-T', '-t', String(leader), '-r', '-w', '--'];
    const variables = Object.entries({ ...ENVIRONMENT, ...env }).map(([name, value]) => `${name}=${value}`);
    return [...enter, 'env', '-i', ...variables, ...argv];
  }

  /** As {@link exec}; gives standard output, and throws where the command does not end with 0. */
  async execOk(argv: readonly string[], options: ExecOptions = {}): Promise<string> {
    const ended = await this.exec(argv, options);
    if (ended.code === 0) return ended.stdout;
    throw new CommandFailed(
      `on ${this.name}, ${argv.join(' ')} ended with ${ended.code ?? 'a signal, or was too slow'}:\n${ended.stderr}${ended.stdout}`,
    );
  }

  /** Runs a command of the machine in the host's network, from outside: `nft` rules there cut its cable. */
  net(argv: readonly string[]): Promise<string> {
    return runOk(inNamespace(this.lab.hostNamespace(this.name), argv));
  }

  /** Where a file of its disk lies on the machine, also while it is off. Not for /run, /tmp and /proc: see {@link exec}. */
  path(file: string): string {
    return join(this.directory, 'root', file);
  }

  read(file: string): string {
    return readFileSync(this.path(file), 'utf8');
  }

  exists(file: string): boolean {
    return existsSync(this.path(file));
  }

  write(file: string, content: string | Buffer, mode = 0o644): void {
    mkdirSync(dirname(this.path(file)), { recursive: true });
    writeFileSync(this.path(file), content, { mode });
  }

  /** Another one after every boot. */
  async bootId(): Promise<string> {
    return (await this.execOk(['cat', '/proc/sys/kernel/random/boot_id'])).trim();
  }

  /** How its boots have ended, oldest first: systemd-nspawn's exit statuses, 133 for a reboot. */
  endedBoots(): number[] {
    const file = join(this.directory, 'events');
    if (!existsSync(file)) return [];
    return readFileSync(file, 'utf8')
      .trim()
      .split('\n')
      .map(line => Number(line.split(' ')[2]));
  }

  private get cgroup(): string {
    return `${this.lab.cgroup}/${this.name}`;
  }

  /** Its PID 1 as the machine sees it; null while there is none. */
  private leader(): number | null {
    const file = join(this.directory, 'supervisor.pid');
    if (!existsSync(file)) return null;
    // supervisor > unshare > systemd-nspawn > PID 1
    const generations = [1, 2, 3].reduce<number[]>(
      parents => parents.flatMap(childrenOf),
      [Number(readFileSync(file, 'utf8'))],
    );
    return generations.find(pid => ['systemd', 'init'].includes(nameOf(pid))) ?? null;
  }
}

function childrenOf(pid: number): number[] {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number);
  } catch {
    return [];
  }
}

function nameOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'utf8').trim();
  } catch {
    return '';
  }
}
