import type { OrderName } from '@tidemark/shared/versions/ecosystems.ts';

/* What vendors say of weak versions, in one form whoever said it. */

export interface Advisory {
  /** As its publisher calls it: `DSA-5678-1`, `CVE-2026-1234`, `GHSA-...`. */
  id: string;
  /** Of the file that it came from: `osv`, `csaf`. */
  format: 'osv' | 'csaf';
  /** Other names, CVE numbers among them, sorted. */
  aliases: string[];
  summary: string;
  severity: Severity;
  /** Milliseconds since the epoch. */
  modified: number;
  /** When its publisher took it back; null where it stands. */
  withdrawn: number | null;
  affected: Affected[];
}

export interface Severity {
  /** CVSS base score, 0 to 10; null where nobody gave one. */
  score: number | null;
  /** What the score was worked out from, or the publisher's word: `CVSS:3.1/AV:N/...`, `medium`. Empty where there is neither. */
  from: string;
}

/** Versions of one package of one ecosystem. */
export interface Affected {
  /** `debian:12`, `npm`: see ecosystems.ts. */
  ecosystem: string;
  order: OrderName;
  /** Of the source package, or of the library. */
  name: string;
  ranges: Range[];
  /** Versions that are affected whatever the ranges say. */
  versions: string[];
}

export interface Range {
  /** From here on; null from the first version on. */
  introduced: string | null;
  /** Not from here on; null where there is no such version yet. */
  fixed: string | null;
  /** Up to here and with it; null where the publisher says it by {@link Range.fixed}. */
  lastAffected: string | null;
}

/** What is known of a weakness being used. */
export interface Exploitation {
  cve: string;
  /** On the list of those that are known to be used; null where it is not. */
  known: { since: string; ransomware: boolean } | null;
  /** Probability of being used within 30 days, 0 to 1 (first.org, EPSS); null where nobody says. */
  probability: number | null;
}

export const isCve = (name: string): boolean => /^CVE-\d{4}-\d{4,19}$/.test(name);

/** Its CVE numbers: its own name where that is one, and those among its other names. */
export const cvesOf = ({ id, aliases }: Pick<Advisory, 'id' | 'aliases'>): string[] =>
  [...new Set([id, ...aliases].flatMap(name => name.match(/CVE-\d{4}-\d{4,19}/)?.[0] ?? []))].sort();
