import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { AGENT_HOME, agentProgram } from './agent.ts';
import { type Base, ensureBase } from './base.ts';
import { killGroup, removeGroup } from './cgroup.ts';
import { run, runOk } from './command.ts';
import { ensureFamily, type Family, type FamilyTree } from './families.ts';
import { Host } from './host.ts';
import { withLock } from './lock.ts';
import { cannotHaveLab, installPackages, raiseLimits, restoreLimits } from './machine.ts';
import { makeBridge, removeNetwork } from './network.ts';
import { abandonedLabs, allLabs, writeOwner } from './owner.ts';
import { HOST_NAME, inNamespace, LAB_DIRECTORY, type LabPlaces, labPlaces } from './places.ts';
import { type StartedProgram, startProgram } from './programs.ts';
import { asidePlace, removeInBackground } from './removing.ts';

export interface LabOptions {
  /** What the lab is called; another for each process that makes one. */
  id?: string;
  /** So many hosts, named `<prefix>01` and so on. */
  count?: number;
  prefix?: string;
  /** Instead of count and prefix. */
  names?: readonly string[];
  /** Hosts with a small file system of their own: `{web01: '64M'}`. */
  diskSizes?: Readonly<Record<string, string>>;
  /** Debian packages that all hosts have besides those of the base tree, installed once and cached, see layer.ts. */
  packages?: readonly string[];
  /** And those that single hosts have instead: `{db01: ['postgresql']}`. */
  packagesOf?: Readonly<Record<string, readonly string[]>>;
  /** Changes a host's disk before its first boot. */
  layOut?: (host: Host) => void | Promise<void>;
  /** Whose packages hosts have: Debian's own where it is left out. See families.ts. */
  family?: Family;
  /** And what single hosts have instead: `{db01: 'rpm'}`. */
  familyOf?: Readonly<Record<string, Family>>;
  /** Without the agent's program in /opt/tidemark-agent: somebody is going to install it. */
  bare?: boolean;
  /** Stays when the process that made it ends. */
  kept?: boolean;
  say?: (line: string) => void;
}

/** Hosts boot side by side, but more at once would only wait for the processor. */
const BOOTING_AT_ONCE = 6;
let made = 0;

/** Real systemd hosts on a bridge of their own, with an apt repository at its gateway. */
export class Lab {
  readonly places: LabPlaces;
  readonly base: Base;
  readonly hosts: readonly Host[];

  private readonly repositories: readonly string[];

  private constructor(places: LabPlaces, base: Base, hosts: readonly Host[], repositories: readonly string[]) {
    this.places = places;
    this.base = base;
    this.hosts = hosts;
    this.repositories = repositories;
  }

  /** Boots the hosts and waits until they are ready. Takes down what it has made where anything fails. */
  static async start(options: LabOptions = {}): Promise<Lab> {
    const say = options.say ?? (() => undefined);
    const problem = cannotHaveLab();
    if (problem !== null) throw new Error(problem);
    const places = labPlaces(options.id ?? `t${process.pid}x${++made}`);
    const base = await prepare(places, options.kept === true, say);
    const asked = describe(base, options);
    const trees = await treesOf(base, asked.names, options, say);
    const repositories = [...new Set(trees.flatMap(({ repository }) => repository ?? []))];
    const description = {
      ...asked,
      trees: trees.map(({ tree }) => tree),
      repositories,
      agent: options.bare ? null : agentProgram(places),
    };
    writeFileSync(places.description, JSON.stringify(description));
    const lab = new Lab(places, base, hostsOf(places, description), repositories);
    try {
      await makeBridge(places);
      await lab.serveRepository();
      await lab.inTurn(async host => {
        await host.create();
        await options.layOut?.(host);
        host.boot();
        await host.ready();
      });
      return lab;
    } catch (error) {
      // What went wrong first is what is to be told, also where the lab cannot be taken down.
      await lab.down().catch((problem: Error) => say(problem.message));
      throw error;
    }
  }

  /** The lab of this name that somebody has started; null where there is none. */
  static open(id: string): Lab | null {
    const places = labPlaces(id);
    if (!existsSync(places.description)) return null;
    const description = JSON.parse(readFileSync(places.description, 'utf8')) as Description;
    return new Lab(places, description.base, hostsOf(places, description), description.repositories);
  }

  host(name: string): Host {
    const found = this.hosts.find(each => each.name === name);
    if (!found) throw new Error(`there is no host ${name}; there are ${this.hosts.map(each => each.name).join(', ')}`);
    return found;
  }

  /** The first host, for labs that have one. */
  get first(): Host {
    const [first] = this.hosts;
    if (!first) throw new Error('this lab has no hosts');
    return first;
  }

  /** Does something on all hosts, a few at once. */
  async inTurn(work: (host: Host) => Promise<void>): Promise<void> {
    const waiting = [...this.hosts];
    const next = async (): Promise<void> => {
      for (let host = waiting.shift(); host; host = waiting.shift()) await work(host);
    };
    await Promise.all(Array.from({ length: BOOTING_AT_ONCE }, next));
  }

  /** Starts a program at the gateway: on the hosts' network, in the lab's control group. Its output goes into a log. */
  startAtGateway(name: string, argv: readonly string[], env: NodeJS.ProcessEnv = process.env): StartedProgram {
    return startProgram(this.places, name, inNamespace(this.places.bridgeNamespace, argv), env);
  }

  /** A command of this machine on the hosts' network; gives what it wrote. */
  atGateway(argv: readonly string[]): Promise<string> {
    return runOk(inNamespace(this.places.bridgeNamespace, argv));
  }

  down(): Promise<void> {
    return takeDown(this.places);
  }

  private async serveRepository(): Promise<void> {
    this.startAtGateway('repository', [
      process.execPath,
      join(import.meta.dirname, 'repository-server.ts'),
      this.base.repository,
      ...this.repositories,
    ]);
  }
}

/**
 * Hosts for as long as `work` takes:
 *
 *     await withHosts({count: 2}, async lab => { await lab.first.execOk(['apt-get', 'update']); });
 */
export async function withHosts<T>(options: LabOptions, work: (lab: Lab) => Promise<T>): Promise<T> {
  const lab = await Lab.start(options);
  try {
    return await work(lab);
  } finally {
    await lab.down();
  }
}

/** One at a time changes what the machine has and which labs there are. */
const machineLock = join(LAB_DIRECTORY, 'machine.lock');

/** Packages, limits, the lab's directory, the base tree; and takes away what labs left whose process was killed. */
async function prepare(places: LabPlaces, kept: boolean, say: (line: string) => void): Promise<Base> {
  await withLock(machineLock, async () => {
    await installPackages(say);
    if (existsSync(places.directory)) throw new Error(`there is a lab "${places.id}" already: npm run lab -- down`);
    raiseLimits();
    for (const each of [places.hosts, places.desk, places.logs]) mkdirSync(each, { recursive: true });
    writeOwner(places, { kept });
  });
  await removeAbandoned(say);
  return ensureBase(say);
}

export function removeAbandoned(say: (line: string) => void = () => undefined): Promise<void> {
  // Several test runs may see them at the same time.
  return withLock(join(LAB_DIRECTORY, 'abandoned.lock'), async () => {
    for (const lab of await withLock(machineLock, async () => abandonedLabs())) {
      say(`taking down lab ${lab.id}, whose process has ended`);
      await takeDown(lab);
    }
    removeInBackground();
  });
}

/** Takes away all that goes by this lab's name, whoever made it and whatever is left of it. */
export async function takeDown(places: LabPlaces): Promise<void> {
  await killGroup(places.cgroup);
  await unmountBelow(places.directory);
  await removeNetwork(places);
  await removeGroup(places.cgroup);
  // Whoever took it down may go on: the files of 200 hosts take minutes.
  await withLock(machineLock, async () => {
    if (existsSync(places.directory)) renameSync(places.directory, asidePlace());
    if (allLabs().length === 0) restoreLimits();
  });
  removeInBackground();
}

/** By one process, since there are hundreds. The last mounted first: a clone lies on the file system that was made for it. */
async function unmountBelow(directory: string): Promise<void> {
  const mounted = mountsBelow(directory);
  if (mounted.length === 0 || (await run(['umount', ...mounted])).code === 0) return;
  const busy = mountsBelow(directory);
  if (busy.length > 0) await runOk(['umount', '--lazy', ...busy]);
}

const mountsBelow = (directory: string): string[] =>
  readFileSync('/proc/self/mounts', 'utf8')
    .split('\n')
    .map(line => line.split(' ')[1] ?? '')
    .filter(mount => mount.startsWith(`${directory}/`))
    .reverse();

/** All that is needed to find the hosts again from another process. */
interface Description {
  base: Base;
  /** Null on hosts that are bare. */
  agent: string | null;
  names: readonly string[];
  /** The lowest layers of each host, in the order of the names. */
  trees: readonly string[];
  /** Served beside the apt repository. */
  repositories: readonly string[];
  diskSizes: Readonly<Record<string, string>>;
}

function describe(base: Base, options: LabOptions): Omit<Description, 'agent' | 'trees' | 'repositories'> {
  const { count = 1, prefix = 'host', diskSizes = {} } = options;
  const numbered = Array.from({ length: count }, (_, index) => `${prefix}${String(index + 1).padStart(2, '0')}`);
  const names = options.names ?? numbered;
  const bad = names.find(name => !HOST_NAME.test(name));
  if (bad !== undefined)
    throw new Error(`"${bad}" is no name for a host: lower-case letters, digits and "-", 24 at most`);
  return { base, names, diskSizes };
}

async function treesOf(
  base: Base,
  names: readonly string[],
  { packages = [], packagesOf = {}, family = 'apt', familyOf = {} }: LabOptions,
  say: (line: string) => void,
): Promise<FamilyTree[]> {
  const wishes = names.map(name => ({ family: familyOf[name] ?? family, list: packagesOf[name] ?? packages }));
  const made = new Map<string, FamilyTree>();
  const keyOf = (wish: (typeof wishes)[number]) => [wish.family, ...wish.list].join(' ');
  // One after the other: apt's download is what takes the time.
  for (const wish of wishes) {
    if (!made.has(keyOf(wish))) made.set(keyOf(wish), await ensureFamily(base, wish.family, wish.list, say));
  }
  return wishes.map(wish => made.get(keyOf(wish)) ?? { tree: base.tree, repository: null });
}

function hostsOf(places: LabPlaces, { base, agent, names, trees, diskSizes }: Description): Host[] {
  const binds = agent === null ? [] : ([[agent, AGENT_HOME]] as const);
  return names.map((name, at) => {
    const diskSize = diskSizes[name];
    const tree = trees[at] ?? base.tree;
    return new Host(places, { name, index: at + 1, tree, names, binds, ...(diskSize ? { diskSize } : {}) });
  });
}
