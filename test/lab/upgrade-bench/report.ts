import { arch, cpus, loadavg } from 'node:os';

/** What was measured of one upgrade. */
export interface Measured {
  /** On the clock. */
  seconds: number;
  /** Processor time of the whole host: apt, dpkg, its scripts, systemd, agent. */
  processor: number;
}

/**
 * `apt` fetches and installs in one command; `staged` installs what was fetched before, as a step upgrades; `agent` is
 * both steps of the agent, and `upgrade` the second of them.
 */
export const SIDES = ['apt', 'staged', 'agent'] as const;
export type Side = (typeof SIDES)[number];
export interface Round extends Record<Side, Measured> {
  /** Of the agent's side, the step package/upgrade alone; on the clock. */
  upgradeSeconds: number;
}

const REACH = 0.05;

export function reportLines(rounds: readonly Round[], packages: ReadonlyMap<string, string>) {
  const of = (pick: (round: Round) => number) => rounds.map(pick);
  const apt = of(({ apt }) => apt.seconds);
  const staged = of(({ staged }) => staged.seconds);
  const both = of(({ agent }) => agent.seconds);
  const upgrade = of(({ upgradeSeconds }) => upgradeSeconds);
  const [addedToUpgrade, addedToBoth] = [added(upgrade, staged), added(both, apt)];
  const lines = [
    `${packages.size} packages: ${[...packages.keys()].join(', ')}`,
    `apt alone, fetched before:    ${shown(staged)}; processor ${shown(of(each => each.staged.processor))}`,
    `agent, step package/upgrade:  ${shown(upgrade)}`,
    `apt alone, fetches too:       ${shown(apt)}; processor ${shown(of(each => each.apt.processor))}`,
    `agent, fetches and upgrades:  ${shown(both)}; processor ${shown(of(each => each.agent.processor))}`,
    'The agent: from the INTENT in its journal to its RESULT, through the whole executor, in a unit of its own, each file',
    "verified before it is used and the database looked at before and after. apt: from its start to its end. Both with needrestart's",
    'hook off. Processor time is of the whole host, of the agent also the order, and what it reports.',
    `the step package/upgrade adds ${percent(addedToUpgrade)} to apt alone; reach ${percent(REACH)}`,
    `both steps together add ${percent(addedToBoth)} to apt alone`,
    `${rounds.length} rounds in turn on ${cpus().length} x ${cpus()[0]?.model ?? arch()}, load ${(loadavg()[0] ?? 0).toFixed(1)}, ${new Date().toISOString().slice(0, 10)}`,
  ];
  return { lines, good: addedToUpgrade <= REACH };
}

/** Of the medians. */
const added = (ours: readonly number[], theirs: readonly number[]): number => median(ours) / median(theirs) - 1;

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;

function shown(values: readonly number[]): string {
  const [least, most] = [Math.min(...values), Math.max(...values)];
  return `${median(values).toFixed(2)} s (${least.toFixed(2)} to ${most.toFixed(2)})`;
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  return ((sorted[Math.ceil(middle) - 1] ?? Number.NaN) + (sorted[Math.floor(middle)] ?? Number.NaN)) / 2;
}
