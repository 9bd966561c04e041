import type { GroupChange, Membership } from './records.ts';

/** What groups say of a host now. */
interface Now {
  in: readonly { name: string }[];
  unknown: ReadonlyMap<string, string>;
}

/** What is another than it was at the last judgement; a group that is not there any more is left by all. Pure. */
export function changesBetween(
  before: readonly Membership[],
  now: ReadonlyMap<string, Now>,
  groups: ReadonlySet<string>,
  at: number,
): GroupChange[] {
  const was = new Map(before.map(each => [`${each.group} ${each.host}`, each]));
  const changes: GroupChange[] = [];
  for (const [host, { in: own, unknown }] of now) {
    const is = new Map<string, { answer: true | null; because: string }>();
    for (const { name } of own) is.set(name, { answer: true, because: 'its condition holds' });
    for (const [name, why] of unknown) is.set(name, { answer: null, because: why });
    for (const [group, { answer, because }] of is) {
      const old = was.get(`${group} ${host}`);
      was.delete(`${group} ${host}`);
      const before = old ? old.answer : false;
      if (before !== answer) changes.push({ group, host, was: before, is: answer, because, at });
    }
  }
  for (const { group, host, answer } of was.values()) {
    const because = !groups.has(group)
      ? 'the group is not there any more'
      : now.has(host)
        ? 'its condition holds no more'
        : 'nobody knows the host any more';
    changes.push({ group, host, was: answer, is: false, because, at });
  }
  return changes;
}
