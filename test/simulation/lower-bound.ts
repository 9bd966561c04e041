import type { Plan } from '@tidemark/shared/orders/plan.ts';

export interface LowerBound {
  /** Work divided by what may be done side by side, as if hosts could be cut into pieces. */
  divisible: number;
  /** Of so many whole hosts some place takes this many one after the other; they take at least as long as the shortest. */
  whole: number;
}

/**
 * Before this no scheduler whatever could have ended, in milliseconds: waves run one after the other with their soaks, and
 * within a wave neither the longest host nor the work of any limit takes less. Hold points between hosts are left out, so
 * that the bound is never too high. `lengthOf` says what each host really took.
 */
export function lowerBoundMs({ header }: Plan, lengthOf: (host: string) => number): LowerBound {
  const bound = { divisible: 0, whole: 0 };
  for (const wave of header.waves) {
    const members = header.hosts.filter(host => host.wave === wave.name).map(({ name }) => name);
    const inWave = new Set(members);
    const longest = Math.max(0, ...members.map(lengthOf));
    const soak = wave === header.waves.at(-1) ? 0 : wave.soakMs;
    const groups = [
      { hosts: members, atOnce: wave.maxParallel },
      ...header.limits.map(({ hosts, maxOut }) => ({ hosts: hosts.filter(host => inWave.has(host)), atOnce: maxOut })),
    ].map(({ hosts, atOnce }) => ({ lengths: hosts.map(lengthOf).sort((a, b) => a - b), atOnce }));
    const divisible = groups.map(({ lengths, atOnce }) => sum(lengths) / atOnce);
    const whole = groups.map(({ lengths, atOnce }) => sum(lengths.slice(0, Math.ceil(lengths.length / atOnce))));
    bound.divisible += soak + Math.max(longest, ...divisible);
    bound.whole += soak + Math.max(longest, ...divisible, ...whole);
  }
  return bound;
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0);
