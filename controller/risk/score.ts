import type { Exploitation, Severity } from './advisory.ts';

/*
 * Risk of one weakness on one host: severity x exploitation x importance x exposure, each a number that is shown with what it
 * comes from. 10 is a critical weakness that is used, on a server that matters as most do, behind a port that others can reach.
 */

export interface Factor {
  value: number;
  /** What it is so because of: `CVSS 9.8`, `known to be used since 2026-03-01`. */
  because: string;
}

export interface Score {
  value: number;
  severity: Factor;
  exploitation: Factor;
  importance: Factor;
  exposure: Factor;
}

/** Nobody gave one: the middle of the scale, since most are. */
const UNKNOWN_SEVERITY = 5;

export function severityFactor({ score, from }: Severity): Factor {
  if (score === null) return { value: UNKNOWN_SEVERITY, because: 'nobody gave a severity: the middle of the scale' };
  return {
    value: score,
    because: from.startsWith('CVSS') ? `base score of ${from}` : `the publisher says ${from || score}`,
  };
}

/** 1 what is used, 0.2 what nobody speaks of, and what will probably be used in between. */
export function exploitationFactor(known: readonly Exploitation[]): Factor {
  const used = known.find(each => each.known !== null);
  if (used?.known) {
    const ransomware = used.known.ransomware ? ', by ransomware too' : '';
    return { value: 1, because: `${used.cve} is known to be used since ${used.known.since}${ransomware}` };
  }
  const [likely] = known
    .flatMap(each => (each.probability === null ? [] : [{ cve: each.cve, probability: each.probability }]))
    .sort((a, b) => b.probability - a.probability);
  if (!likely) return { value: LEAST, because: 'nothing is known of anybody using it' };
  return {
    value: rounded(LEAST + (1 - LEAST) * likely.probability),
    because: `${likely.cve} will be used within 30 days with a probability of ${likely.probability}: ${LEAST} + ${1 - LEAST} x ${likely.probability}`,
  };
}
const LEAST = 0.2;

/** By the highest importance among the groups of a host; 50 is what most have, and weighs 1. */
export function importanceFactor(groups: readonly { name: string; importance: number }[]): Factor {
  const [highest] = [...groups].sort((a, b) => b.importance - a.importance);
  if (!highest) return { value: 1, because: 'it is in no group that has an importance' };
  return {
    value: rounded(0.5 + highest.importance / 100),
    because: `group ${highest.name} has importance ${highest.importance}: 0.5 + ${highest.importance}/100`,
  };
}

export interface Socket {
  address: string;
  port: number;
  process: string;
  program: string;
}

/** Names of binary packages that were built from the weak source, of its library and daemon alike. */
export function exposureFactor(sockets: readonly Socket[] | null, packages: readonly string[]): Factor {
  if (sockets === null) return { value: 0.8, because: 'what listens there was never reported' };
  const open = sockets.filter(({ address }) => !isLoopback(address));
  const own = open.find(({ process, program }) =>
    packages.some(name => isOf(name, process) || isOf(name, program.split('/').at(-1) ?? '')),
  );
  if (own) return { value: 1, because: `${own.process} listens on ${own.address}:${own.port}` };
  if (open.length > 0)
    return {
      value: 0.7,
      because: `it does not listen itself, and ${open.length} other socket${open.length === 1 ? ' is' : 's are'} reachable there`,
    };
  return { value: 0.4, because: 'nothing listens there but on loopback' };
}

const isLoopback = (address: string): boolean => /^(127\.|::1$|\[::1\]$)/.test(address);
/** `nginx-core` is of `nginx`; `libssl3` of none. */
const isOf = (name: string, process: string): boolean =>
  process !== '' && (name === process || name.startsWith(`${process}-`) || `${name}d` === process);

export function score(factors: Omit<Score, 'value'>): Score {
  const { severity, exploitation, importance, exposure } = factors;
  return { value: rounded(severity.value * exploitation.value * importance.value * exposure.value), ...factors };
}

/** Of a host: the worst counts whole, and each further one a half of what the one before it counted. */
export function hostScore(scores: readonly number[]): number {
  return rounded([...scores].sort((a, b) => b - a).reduce((sum, value, index) => sum + value / 2 ** index, 0));
}

/** Two digits: what comes after says nothing. */
const rounded = (value: number): number => Math.round(value * 100) / 100;
