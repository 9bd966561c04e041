import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { pause } from './command.ts';

/*
 * Each host has a control group of its own in every hierarchy that the machine has: without that the PID 1s of all hosts
 * would be masters of one and the same. The groups are also how the lab knows its own processes: what is in them was
 * started by the lab, whoever its parent is by now.
 */

const ROOT = '/sys/fs/cgroup';
/** Those that systemd makes use of, where the machine still has version 1. */
const VERSION_1 = ['systemd', 'unified', 'memory', 'pids', 'cpu', 'cpuacct', 'blkio', 'freezer', 'devices'];
/** Longer than a machine with a load of 100 needs. */
const GONE_WITHIN_MS = 120_000;

const isVersion2 = (): boolean => existsSync(join(ROOT, 'cgroup.controllers'));

/** The directories of a group, one in each hierarchy. */
export function groupDirectories(group: string): string[] {
  if (isVersion2()) return [join(ROOT, group)];
  return VERSION_1.filter(name => existsSync(join(ROOT, name))).map(name => join(ROOT, name, group));
}

export function makeGroup(group: string): string[] {
  const directories = groupDirectories(group);
  for (const directory of directories) mkdirSync(directory, { recursive: true });
  weigh(group.split('/')[0] ?? group);
  return directories;
}

/** What all labs together are worth beside processes of the machine. */
const WEIGHT = 4;

/** Each process of the machine counts as much as a whole group: all hosts of all labs would be worth one of them. */
function weigh(top: string): void {
  const [file, one] = isVersion2()
    ? [join(ROOT, top, 'cpu.weight'), 100]
    : [join(ROOT, 'cpu', top, 'cpu.shares'), 1024];
  if (existsSync(file)) writeFileSync(file, String(WEIGHT * one));
}

/** Moves a process, and what it starts from now on, into a group. */
export function enterGroup(group: string, pid: number): void {
  for (const directory of makeGroup(group)) writeFileSync(join(directory, 'cgroup.procs'), String(pid));
}

/** Stops the time of everything in a group, as a hung server's, or lets it go on. */
export function setFrozen(group: string, frozen: boolean): void {
  if (isVersion2()) writeFileSync(join(ROOT, group, 'cgroup.freeze'), frozen ? '1' : '0');
  else writeFileSync(join(ROOT, 'freezer', group, 'freezer.state'), frozen ? 'FROZEN' : 'THAWED');
}

/** Lets everything in a group go on, also where a group below was frozen by itself: what is frozen does not even die. */
function thaw(group: string): void {
  const hierarchy = isVersion2() ? ROOT : join(ROOT, 'freezer');
  for (const directory of withChildren(join(hierarchy, group))) setFrozen(relative(hierarchy, directory), false);
}

export const groupProcesses = (group: string): number[] => processesIn(groupDirectories(group));

function processesIn(groups: readonly string[]): number[] {
  const found = new Set<number>();
  for (const top of groups) {
    for (const directory of withChildren(top)) {
      for (const line of read(join(directory, 'cgroup.procs')).split('\n')) {
        // 0 is a process of a namespace that cannot be seen from here: it ends with its parents.
        if (Number(line) > 0) found.add(Number(line));
      }
    }
  }
  return [...found];
}

/** Processor time that everything in a group, now or before, has used so far. */
export function cpuSecondsOf(group: string): number {
  if (isVersion2()) return Number(/^usage_usec (\d+)$/m.exec(read(join(ROOT, group, 'cpu.stat')))?.[1] ?? 0) / 1e6;
  return Number(read(join(ROOT, 'cpuacct', group, 'cpuacct.usage'))) / 1e9;
}

/** The main processes of a unit of the systemd that runs in a host's group; none while it is not running. */
export function unitProcesses(hostGroup: string, unit: string): number[] {
  const hierarchy = isVersion2() ? ROOT : join(ROOT, 'systemd');
  return read(join(hierarchy, hostGroup, 'payload/system.slice', unit, 'cgroup.procs'))
    .split('\n')
    .map(Number)
    .filter(pid => pid > 0);
}

/** Kills everything in a group and waits until it is gone. */
export async function killGroup(group: string): Promise<void> {
  const end = performance.now() + GONE_WITHIN_MS;
  for (;;) {
    // Whoever is in one hierarchy is in all: only where that is empty are the others, with thousands of groups, looked at.
    const first = processesIn(groupDirectories(group).slice(0, 1));
    const pids = first.length > 0 ? first : groupProcesses(group);
    if (pids.length === 0) return;
    if (performance.now() > end) throw new Error(`processes ${pids.join(', ')} of ${group} do not end by SIGKILL`);
    for (const pid of pids) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // It has just ended.
      }
    }
    thaw(group);
    await pause(20);
  }
}

/** Removes an empty group from every hierarchy. */
export async function removeGroup(group: string): Promise<void> {
  const end = performance.now() + GONE_WITHIN_MS;
  for (const top of groupDirectories(group)) {
    while (existsSync(top)) {
      try {
        for (const directory of withChildren(top).reverse()) rmdirSync(directory);
      } catch (error) {
        // A process that has just ended keeps its group for a moment.
        if (performance.now() > end) throw error;
        await pause(20);
      }
    }
  }
}

/** The directory and all below it, parents first. */
function withChildren(directory: string): string[] {
  if (!existsSync(directory)) return [];
  const below = readdirSync(directory, { withFileTypes: true }).filter(entry => entry.isDirectory());
  return [directory, ...below.flatMap(({ name }) => withChildren(join(directory, name)))];
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
