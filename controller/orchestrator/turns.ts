import type { PlanHeader } from '@tidemark/shared/orders/plan.ts';

/* Of the plan's index, which is made with this, what it needs. */

interface Unit {
  index: number;
  /** By number. */
  hosts: readonly number[];
  expectedMs: number;
}

interface Host {
  unit: number;
  wave: number;
  holds: ReadonlyMap<number, readonly { host: number }[]>;
}

interface Planned<U extends Unit> {
  units: readonly U[];
  hosts: readonly Host[];
  /** Members by number, as in header.limits. */
  limits: readonly (readonly number[])[];
  header: PlanHeader;
}

/**
 * Units as they take their turn: what people called more important first, then those on the longest path, since it binds the
 * end of the run, then the longest, then as the plan lists them.
 *
 * A path is what has to happen one after the other in a wave, from the unit on: units that wait for it at hold points, and
 * those that cannot go before it has come back because a limit lets only so many out at once. Of three servers of a tier of
 * which one may be out the first has a path of three, the second of two: begun as the plan lists them, alone they would end
 * long after everything else.
 */
export function inTurn<U extends Unit>({ units, hosts, limits, header }: Planned<U>): U[] {
  const importance = units.map(unit => Math.max(...unit.hosts.map(index => header.hosts[index]?.importance ?? 0)));
  const path = pathsOf({ units, hosts, limits, header });
  return units.toSorted(
    (a, b) =>
      (importance[b.index] ?? 0) - (importance[a.index] ?? 0) ||
      (path[b.index] ?? 0) - (path[a.index] ?? 0) ||
      b.expectedMs - a.expectedMs ||
      a.index - b.index,
  );
}

/** By unit, in milliseconds. */
function pathsOf({ units, hosts, limits, header }: Planned<Unit>): number[] {
  const path = followedBy(units, hosts);
  const limited = [...path];
  for (const [number, members] of limits.entries()) {
    const atOnce = header.limits[number]?.maxOut ?? 1;
    for (const inWave of Map.groupBy(members, index => hosts[index]?.wave).values()) {
      const together = [...new Set(inWave.map(index => hosts[index]?.unit ?? 0))];
      if (together.length <= atOnce) continue;
      // In the order in which they will go: each is followed by all after it, so many side by side.
      together.sort((a, b) => (path[b] ?? 0) - (path[a] ?? 0) || a - b);
      let left = 0;
      for (const unit of together.toReversed()) {
        left += units[unit]?.expectedMs ?? 0;
        limited[unit] = Math.max(limited[unit] ?? 0, left / atOnce);
      }
    }
  }
  return limited;
}

/** By unit: its own length with that of the longest chain of units of its wave that wait for it. */
function followedBy(units: readonly Unit[], hosts: readonly Host[]): number[] {
  const followers: Set<number>[] = units.map(() => new Set());
  for (const { unit, wave, holds } of hosts) {
    for (const hold of [...holds.values()].flat()) {
      const before = hosts[hold.host];
      if (before && before.unit !== unit && before.wave === wave) followers[before.unit]?.add(unit);
    }
  }
  const known: (number | undefined)[] = units.map(() => undefined);
  const lengthOf = (unit: number): number => {
    const before = known[unit];
    if (before !== undefined) return before;
    const own = units[unit]?.expectedMs ?? 0;
    // A circle cannot run and is no plan; here it only must not hang.
    known[unit] = own;
    const longest = [...(followers[unit] ?? [])].reduce((most, next) => Math.max(most, lengthOf(next)), 0);
    known[unit] = own + longest;
    return own + longest;
  };
  return units.map(({ index }) => lengthOf(index));
}
