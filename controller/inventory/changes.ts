import type { SectionPeriod } from './facts.ts';
import { entriesIn } from './section-entries.ts';

/* What has changed on a host, from the contents that it had. Pure. */

export interface Change {
  /** Milliseconds since the epoch: when it was first seen so. */
  at: number;
  kind: string;
  /** What of the kind: a package, a unit, a mount. Empty where the kind as a whole came or went. */
  subject: string;
  /** Null where it was not there. */
  from: string | null;
  to: string | null;
}

/** Nobody is told of these: they are the agent's own, and say nothing of the server. */
const OWN: ReadonlySet<string> = new Set(['sealingKey', 'secretKey', 'errors']);

/** What changed after `since`, in the order in which it was seen; within one look by kind and subject. */
export function changesSince(periods: readonly SectionPeriod[], since: number): Change[] {
  const first = Math.min(...periods.map(period => period.since));
  const byKind = Map.groupBy(
    periods.filter(({ kind }) => !OWN.has(kind)),
    ({ kind }) => kind,
  );
  const changes = [...byKind].flatMap(([kind, own]) => {
    const ordered = own.toSorted((a, b) => a.since - b.since);
    return ordered.flatMap((period, index): Change[] => {
      const before = ordered[index - 1];
      const next = ordered[index + 1];
      const follows = before !== undefined && before.until === period.since;
      // What a host told when it was looked at for the first time is no change of it.
      const came = period.since > since && (follows || period.since > first);
      const begins = came ? differences(kind, follows ? before.content : undefined, period.content, period.since) : [];
      const isGone = period.until !== null && period.until > since && next?.since !== period.until;
      const ends = isGone && period.until !== null ? differences(kind, period.content, undefined, period.until) : [];
      return [...begins, ...ends];
    });
  });
  return changes.sort((a, b) => a.at - b.at || order(a.kind, b.kind) || order(a.subject, b.subject));
}

function differences(kind: string, before: unknown, after: unknown, at: number): Change[] {
  if (before === undefined) return [{ at, kind, subject: '', from: null, to: 'told for the first time' }];
  if (after === undefined) return [{ at, kind, subject: '', from: 'told', to: null }];
  const [old, now] = [entriesIn(kind, before), entriesIn(kind, after)];
  const subjects = new Set([...old.keys(), ...now.keys()]);
  return [...subjects].flatMap((subject): Change[] => {
    const [was, is] = [old.get(subject), now.get(subject)];
    const fields = [...new Set([...Object.keys(was ?? {}), ...Object.keys(is ?? {})])];
    const changed = was && is ? fields.filter(field => was[field] !== is[field]) : fields;
    if (changed.length === 0 && was && is) return [];
    return [{ at, kind, subject, from: textOf(was, changed, fields), to: textOf(is, changed, fields) }];
  });
}

/** One field says itself; several say which they are. */
function textOf(entry: Readonly<Record<string, string>> | undefined, shown: readonly string[], all: readonly string[]) {
  if (!entry) return null;
  const [only] = shown;
  if (shown.length === 1 && only !== undefined && (all.length === 1 || only === 'version')) return entry[only] ?? '';
  return shown.map(field => `${field} ${entry[field] ?? '-'}`).join(', ') || 'there';
}

const order = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
