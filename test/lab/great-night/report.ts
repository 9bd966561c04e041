import type { RunJob, RunView } from '@tidemark/controller/api/contract/runs.ts';
import type { GreatNight } from './night.ts';

/* What somebody who is tired wants to read in the morning. Pure. */

const MIB = 1024 ** 2;

export const isWell = ({ findings, servers }: GreatNight): boolean =>
  findings.size === servers.length && [...findings.values()].every(each => each.length === 0);

export function reportLines(night: GreatNight): string[] {
  const { run, servers, packages, usage, findings, setUpSeconds } = night;
  const left = [...findings].filter(([, wrong]) => wrong.length > 0).sort(([a], [b]) => a.localeCompare(b));
  const pairs = servers.filter(({ pair }) => pair?.active).length;
  const took = seconds(run.startedAt, run.endedAt ?? run.asOf);
  const spare = seconds(run.endedAt ?? run.asOf, run.window.end);
  const handovers = endedJobs(run, 'handover').length;
  return [
    `${servers.length - left.length} of ${servers.length} servers patched and verified in ${duration(took)}; ` +
      `run ${run.id} ${run.state}, the window had ${duration(spare)} left`,
    ...(left.length === 0
      ? ['Nothing is left to do.']
      : ['Left:', ...left.map(([name, wrong]) => `  ${name}: ${wrong.join('; ')}`)]),
    '',
    `Patched: ${packages.size} packages pending on the fleet, ${endedJobs(run, 'upgrade').length} servers upgraded, ` +
      `${endedJobs(run, 'patch').length} releases installed; ${rebooted(run)} reboots; ` +
      `${handovers} of ${pairs} database pairs handed over`,
    `Packages: ${[...packages].map(([name, version]) => `${name} ${version}`).join(', ')}`,
    '',
    ...table(['step', 'servers', 'median', 'slowest', 'on'], phases(run)),
    '',
    ...table(
      ['wave', 'servers', 'from', 'took'],
      run.waves.map(wave => [
        wave.name,
        String(run.hosts.filter(host => host.wave === wave.name).length),
        wave.openedAt === null ? '-' : `+${duration(seconds(run.startedAt, wave.openedAt))}`,
        wave.openedAt === null ? '-' : duration(seconds(wave.openedAt, wave.endedAt ?? run.asOf)),
      ]),
    ),
    '',
    ...table(
      ['program', 'peak memory', 'processor', 'of all the lab did', 'of the machine'],
      [
        ['controller', usage.controller.peakBytes, usage.controller.cpuSeconds] as const,
        ['its database', usage.database.peakBytes, usage.database.cpuSeconds] as const,
        [`${servers.length} agents`, usage.agents.peakBytes, usage.agents.cpuSeconds] as const,
      ].map(([name, bytes, cpu]) => [
        name,
        mebibytes(bytes),
        `${cpu.toFixed(1)} s`,
        share(cpu / usage.cpuSeconds),
        share(cpu / (usage.seconds * usage.processors)),
      ]),
    ),
    `Memory of agents: the largest single process; half of them stayed below ${mebibytes(usage.agents.medianPeakBytes)}. ` +
      `The machine had at least ${mebibytes(usage.leastFreeBytes)} left.`,
    `The lab as a whole used ${share(usage.cpuSeconds / (usage.seconds * usage.processors))} of ${usage.processors} processors ` +
      `for ${duration(usage.seconds)}; it took ${duration(setUpSeconds)} to set up.`,
  ];
}

/** One row a step, in the order in which they first ran. */
function phases(run: RunView): string[][] {
  const steps = new Map<string, { host: string; seconds: number }[]>();
  const jobs = run.hosts.flatMap(host => host.jobs.map(job => ({ host: host.host, job })));
  for (const { host, job } of jobs.sort((a, b) => a.job.position - b.job.position)) {
    if (job.startedAt === null || job.endedAt === null || job.direction !== 'forward') continue;
    const known = steps.get(job.step) ?? [];
    steps.set(job.step, [...known, { host, seconds: seconds(job.startedAt, job.endedAt) }]);
  }
  return [...steps].map(([step, all]) => {
    const sorted = all.toSorted((a, b) => a.seconds - b.seconds);
    const slowest = sorted.at(-1);
    return [
      step,
      String(new Set(all.map(({ host }) => host)).size),
      `${(sorted[sorted.length >> 1]?.seconds ?? 0).toFixed(1)} s`,
      `${(slowest?.seconds ?? 0).toFixed(1)} s`,
      slowest?.host ?? '',
    ];
  });
}

const endedJobs = (run: RunView, step: string): RunJob[] =>
  run.hosts.flatMap(({ jobs }) => jobs.filter(job => job.step === step && job.state === 'succeeded'));

/** As the jobs themselves say it: a server that needed none says that it needs none. */
const rebooted = (run: RunView): number => endedJobs(run, 'reboot').filter(job => /^rebooted/.test(job.message)).length;

const seconds = (from: string, to: string): number => (Date.parse(to) - Date.parse(from)) / 1000;

function duration(all: number): string {
  const whole = Math.max(0, Math.round(all));
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor((whole % 3600) / 60)];
  if (hours > 0) return `${hours} h ${minutes} min`;
  return minutes > 0 ? `${minutes} min ${whole % 60} s` : `${whole} s`;
}

const mebibytes = (bytes: number): string => `${Math.round(bytes / MIB)} MiB`;
const share = (part: number): string => `${(part * 100).toFixed(1)} %`;

function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map(row => row[column]?.length ?? 0)));
  return [head, ...rows].map(row =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}
