import { Buffer } from 'node:buffer';
import { compileGlob } from '@tidemark/shared/fingerprint/glob.ts';
import { counts, type Difference, DRIFT_CLASSES, type DriftClass } from './differences.ts';

/** Differences that somebody answers for, until a day. Null holds for all. Times in milliseconds since the epoch. */
export interface Waiver {
  id: string;
  host: string | null;
  cluster: string | null;
  product: string | null;
  class: DriftClass | null;
  /** Glob over absolute paths. */
  path: string;
  reason: string;
  createdBy: string;
  createdAt: number;
  expiresAt: number;
  endedAt: number | null;
}

/** What a difference is part of, beside what it says itself. */
export interface WaiverScope {
  /** The host that was looked at. */
  host: string;
  clusters: readonly string[];
}

export const isInForce = ({ expiresAt, endedAt }: Waiver, now: number): boolean => endedAt === null && now < expiresAt;

/** Marks what a waiver in force covers: it stays in the report and does not count. The longest waiver is named. Pure. */
export function waive(
  differences: readonly Difference[],
  waivers: readonly Waiver[],
  scope: WaiverScope,
  now: number,
): Difference[] {
  const inForce = waivers
    .filter(waiver => isInForce(waiver, now) && covers(waiver, scope))
    .toSorted((a, b) => b.expiresAt - a.expiresAt)
    .map(waiver => ({ waiver, matches: compileGlob(waiver.path) }));
  if (inForce.length === 0) return [...differences];
  return differences.map(difference => {
    if (!counts(difference)) return difference;
    const found = inForce.find(
      ({ waiver, matches }) =>
        (waiver.class === null || waiver.class === difference.class) &&
        (waiver.product === null || waiver.product === difference.product) &&
        matches(Buffer.from(difference.path)),
    );
    return found ? { ...difference, waiver: found.waiver.id, note: noteOf(difference, found.waiver) } : difference;
  });
}

const covers = (waiver: Waiver, { host, clusters }: WaiverScope): boolean =>
  (waiver.host === null || waiver.host === host) && (waiver.cluster === null || clusters.includes(waiver.cluster));

function noteOf({ note }: Difference, { createdBy, reason, expiresAt }: Waiver): string {
  const until = new Date(expiresAt).toISOString().slice(0, 10);
  const why = `waived by ${createdBy} until ${until}: ${reason}`;
  return note === '' ? why : `${note} (${why})`;
}

/** What is wrong with a new waiver, one sentence each. */
export function waiverProblems(
  waiver: Pick<Waiver, 'path' | 'reason' | 'expiresAt'> & { class: string | null },
  now: number,
): string[] {
  const problems: string[] = [];
  if (!waiver.path.startsWith('/')) problems.push(`the path "${waiver.path}" must be absolute; /** stands for all`);
  if (waiver.class !== null && !DRIFT_CLASSES.includes(waiver.class as DriftClass)) {
    problems.push(`"${waiver.class}" is no class of differences: ${DRIFT_CLASSES.join(', ')}`);
  }
  if (waiver.reason.trim() === '') problems.push('a waiver needs a reason');
  if (waiver.expiresAt <= now) problems.push('a waiver must end in the future');
  return problems;
}
