import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { AGENT_UNIT } from '../agent.ts';
import { cpuSecondsOf, groupProcesses, unitProcesses } from '../cgroup.ts';
import type { Lab } from '../lab.ts';

/*
 * What a night takes of the machine, by the kernel's own counts: processor time of the lab's control group, and of single
 * processes their time and the most memory that they had. Processes are looked at again and again, since each reboot
 * gives a host another agent; what one used between the last look and its end is lost, {@link EVERY_MS} at most.
 */

const EVERY_MS = 1_000;
/** USER_HZ: /proc counts in hundredths of a second on every Linux that there is. */
const TICKS_PER_SECOND = 100;
const KIB = 1024;

export interface Used {
  cpuSeconds: number;
  /** The most that one process had resident; of the database, all its processes together, what is shared counted once. */
  peakBytes: number;
}

export interface Usage {
  seconds: number;
  processors: number;
  /** Of all that the lab did: hosts, controller, repository. */
  cpuSeconds: number;
  controller: Used;
  /** The controller's PostgreSQL. */
  database: Used;
  /** The agents' own processes and what starts their steps; the steps are the hosts' work. */
  agents: Used & { medianPeakBytes: number };
  /** The least memory that the machine had left. */
  leastFreeBytes: number;
}

type Kind = 'controller' | 'database' | 'agents';

interface Watched {
  kind: Kind;
  /** Whose it is; empty for those of the controller. */
  host: string;
  /** What it had used when this began. */
  before: number;
  cpuSeconds: number;
  peakBytes: number;
}

/** Begins to look; `end` gives what was used from then on. */
export function watchUsage(lab: Lab, controllerPid: number): { end(): Usage } {
  const begun = performance.now();
  const cpuBefore = cpuSecondsOf(lab.places.cgroup);
  // By pid and start time: pids come again.
  const watched = new Map<string, Watched>();
  let databasePeak = 0;
  let leastFreeBytes = Number.POSITIVE_INFINITY;

  const see = (pid: number, kind: Kind, first: boolean, host = ''): void => {
    const used = readProcess(pid, kind === 'agents');
    if (!used) return;
    const key = `${pid} ${used.startTime}`;
    const before = watched.get(key)?.before ?? (first ? used.cpuSeconds : 0);
    watched.set(key, { kind, host, before, cpuSeconds: used.cpuSeconds, peakBytes: used.peakBytes });
  };
  const look = (first = false): void => {
    for (const { name } of lab.hosts)
      for (const pid of unitProcesses(`${lab.places.cgroup}/${name}`, AGENT_UNIT)) see(pid, 'agents', first, name);
    see(controllerPid, 'controller', first);
    const database = groupProcesses(`${lab.places.cgroup}/gateway`).filter(pid => nameOf(pid) === 'postgres');
    for (const pid of database) see(pid, 'database', first);
    databasePeak = Math.max(databasePeak, sum(database.map(pid => kib(`/proc/${pid}/smaps_rollup`, 'Pss'))));
    leastFreeBytes = Math.min(leastFreeBytes, kib('/proc/meminfo', 'MemAvailable'));
  };

  look(true);
  const timer = setInterval(look, EVERY_MS);
  const usedBy = (kind: Kind): Used & { medianPeakBytes: number } => {
    const all = [...watched.values()].filter(each => each.kind === kind);
    // An agent has small short-lived processes beside its own: the largest of each host is the agent.
    const peaks = [...Map.groupBy(all, ({ host }) => host).values()]
      .map(own => Math.max(...own.map(({ peakBytes }) => peakBytes)))
      .sort((a, b) => a - b);
    return {
      cpuSeconds: sum(all.map(({ cpuSeconds, before }) => cpuSeconds - before)),
      peakBytes: peaks.at(-1) ?? 0,
      medianPeakBytes: peaks[peaks.length >> 1] ?? 0,
    };
  };
  return {
    end() {
      clearInterval(timer);
      look();
      return {
        seconds: (performance.now() - begun) / 1000,
        processors: availableParallelism(),
        cpuSeconds: cpuSecondsOf(lab.places.cgroup) - cpuBefore,
        controller: usedBy('controller'),
        database: { ...usedBy('database'), peakBytes: databasePeak },
        agents: usedBy('agents'),
        leastFreeBytes,
      };
    },
  };
}

/** proc(5). Null where it has ended. `collected`: also the time of children that have ended and that it waited for. */
function readProcess(pid: number, collected: boolean) {
  const stat = read(`/proc/${pid}/stat`);
  // The command's name stands in brackets and may hold anything: what counts begins after the last bracket.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  if (fields.length < 20) return null;
  // utime, stime, cutime, cstime
  const ticks = fields.slice(11, collected ? 15 : 13).map(Number);
  return {
    startTime: fields[19] ?? '',
    cpuSeconds: sum(ticks) / TICKS_PER_SECOND,
    peakBytes: kib(`/proc/${pid}/status`, 'VmHWM'),
  };
}

const nameOf = (pid: number): string => read(`/proc/${pid}/comm`).trim();

/** Bytes of a line like `VmHWM:   92364 kB`; 0 where there is none. */
const kib = (file: string, name: string): number =>
  Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(read(file))?.[1] ?? 0) * KIB;

const sum = (numbers: readonly number[]): number => numbers.reduce((all, each) => all + each, 0);

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
