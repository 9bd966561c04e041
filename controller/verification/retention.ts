const DAY_MS = 86_400_000;

/** How long fingerprints are kept. In days of the host's clock, UTC. */
export interface RetentionRule {
  /** All of them. */
  keepAllDays: number;
  /** The last one of each day. */
  keepDailyDays: number;
}

/** Two weeks answer "since Friday", a quarter answers an auditor; older states are kept as baselines. */
export const DEFAULT_RETENTION: RetentionRule = { keepAllDays: 14, keepDailyDays: 92 };

export interface KeptFingerprint {
  id: string;
  hostId: string;
  profileDigest: string;
  finishedMs: number;
  /** A baseline is made of it. */
  isBaseline: boolean;
  /** It was compared when it was made, and says nothing that others could be compared with. */
  isAudit: boolean;
}

/** Long enough to look at the report once more. */
const AUDIT_DAYS = 1;

/**
 * The fingerprints that nothing keeps any more. A host's newest under each profile stays whatever its age: it is what is
 * known of the host. Pure.
 */
export function expiredFingerprints(
  all: readonly KeptFingerprint[],
  { keepAllDays, keepDailyDays }: RetentionRule,
  now: number,
): string[] {
  const newestFirst = all.toSorted((a, b) => b.finishedMs - a.finishedMs || (a.id < b.id ? -1 : 1));
  const seen = new Set<string>();
  const isFirst = (key: string): boolean => {
    if (seen.has(key)) return false;
    seen.add(key);
    return true;
  };
  return newestFirst.flatMap(({ id, hostId, profileDigest, finishedMs, isBaseline, isAudit }) => {
    const scanned = `${hostId}\0${profileDigest}`;
    const isNewest = isFirst(scanned);
    const isLastOfDay = isFirst(`${scanned}\0${Math.floor(finishedMs / DAY_MS)}`);
    const days = (now - finishedMs) / DAY_MS;
    if (isAudit && !isBaseline) return days <= AUDIT_DAYS ? [] : [id];
    const isKept = isNewest || isBaseline || days <= keepAllDays || (isLastOfDay && days <= keepDailyDays);
    return isKept ? [] : [id];
  });
}
