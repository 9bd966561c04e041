import type { SectionContent } from '@tidemark/shared/inventory/kinds.ts';

/*
 * Some values never stand still: free memory, free space. A server on which nothing happened would tell something new
 * at every look. So they are told in steps, and stay as they were told until they have moved by more than one.
 */

/** A step is this share of the whole. */
const STEPS = 32;

type Facts = Readonly<Record<string, unknown>>;

/** The facts with what moves all the time told as it was told before, where it is still near that. Pure. */
export function steady(facts: Facts, before: (kind: string) => unknown): Record<string, unknown> {
  const found: Record<string, unknown> = { ...facts };
  const memory = facts['memory'] as SectionContent<'memory'> | null | undefined;
  if (memory) {
    const told = before('memory') as SectionContent<'memory'> | undefined;
    const availableBytes =
      memory.availableBytes === null
        ? null
        : steadyBytes(memory.availableBytes, memory.totalBytes, told?.availableBytes ?? null);
    found['memory'] = { ...memory, availableBytes };
  }
  const mounts = facts['mounts'] as SectionContent<'mounts'> | null | undefined;
  if (mounts) {
    const told = before('mounts') as SectionContent<'mounts'> | undefined;
    const freeBefore = new Map(told?.map(each => [`${each.mount} ${each.totalBytes}`, each.freeBytes]));
    found['mounts'] = mounts.map(each => ({
      ...each,
      freeBytes: steadyBytes(
        each.freeBytes,
        each.totalBytes,
        freeBefore.get(`${each.mount} ${each.totalBytes}`) ?? null,
      ),
    }));
  }
  return found;
}

/**
 * Rounded down to a step, so that nobody is promised space that is not there; what was told before stands while the value
 * lies less than one step above what it promised, or less than half a step below.
 */
export function steadyBytes(bytes: number, total: number, before: number | null): number {
  const step = Math.max(1, Math.floor(total / STEPS));
  const now = Math.floor(bytes / step) * step;
  if (before === null || before % step !== 0) return now;
  return bytes >= before - step / 2 && bytes < before + step * 1.5 ? before : now;
}
