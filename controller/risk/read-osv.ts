import { err, ok, type Result } from '@tidemark/shared/base/result.ts';
import { z } from 'zod';
import type { Advisory, Affected, Range, Severity } from './advisory.ts';
import { cvss3Score } from './cvss.ts';
import { ecosystemNamed } from './ecosystems.ts';
import { contradiction } from './ranges.ts';
import { Instant, Name, Summary, Version, wordScore } from './text.ts';

/* OSV (ossf.github.io/osv-schema, 1.6): what is used of it is checked, all else is passed over, since publishers add to it. */

const Event = z.object({
  introduced: Version.optional(),
  fixed: Version.optional(),
  last_affected: Version.optional(),
  limit: Version.optional(),
});

const OsvAffected = z.object({
  package: z.object({ ecosystem: Name, name: Name }).optional(),
  ranges: z
    .array(z.object({ type: z.string(), events: z.array(Event).min(1).max(1_000) }))
    .max(1_000)
    .default([]),
  versions: z.array(Version).max(20_000).default([]),
  severity: z.array(z.object({ type: z.string(), score: z.string().max(500) })).nullish(),
  ecosystem_specific: z.object({ severity: z.string().optional(), urgency: z.string().optional() }).loose().nullish(),
});

const OsvFile = z.object({
  id: Name,
  modified: Instant,
  withdrawn: Instant.nullish(),
  aliases: z.array(Name).max(1_000).nullish(),
  upstream: z.array(Name).max(1_000).nullish(),
  related: z.array(Name).max(10_000).nullish(),
  summary: Summary.nullish(),
  details: z.string().nullish(),
  severity: z.array(z.object({ type: z.string(), score: z.string().max(500) })).nullish(),
  affected: z.array(OsvAffected).max(10_000).nullish(),
  database_specific: z.object({ severity: z.string().nullish() }).loose().nullish(),
});
type OsvFile = z.output<typeof OsvFile>;

export interface ReadAdvisory {
  advisory: Advisory;
  /** Ecosystems that are not known here, each once for each thing that was left out because of it. */
  leftOut: string[];
}

export const isOsv = (value: object): boolean => 'id' in value && 'modified' in value && !('document' in value);

export function readOsv(value: unknown): Result<ReadAdvisory, string> {
  const read = OsvFile.safeParse(value);
  if (!read.success) {
    const [issue] = read.error.issues;
    return err(`${issue?.path.join('.') || 'it'}: ${issue?.message ?? 'is of another shape'}`);
  }
  const file = read.data;
  const affected: Affected[] = [];
  const leftOut: string[] = [];
  for (const [index, each] of (file.affected ?? []).entries()) {
    if (!each.package) continue;
    const ecosystem = ecosystemNamed(each.package.ecosystem);
    if (!ecosystem) {
      leftOut.push(each.package.ecosystem);
      continue;
    }
    const ranges = each.ranges.filter(({ type }) => type !== 'GIT').flatMap(({ events }) => rangesOf(events));
    for (const range of ranges) {
      const wrong = contradiction(range, ecosystem.order);
      if (wrong !== null) return err(`affected[${index}] (${each.package.name}): ${wrong}`);
    }
    affected.push({
      ecosystem: ecosystem.key,
      order: ecosystem.order,
      name: each.package.name,
      ranges,
      versions: each.versions,
    });
  }
  return ok({ advisory: { ...headOf(file), affected }, leftOut });
}

function headOf(file: OsvFile): Omit<Advisory, 'affected'> {
  return {
    id: file.id,
    format: 'osv',
    // `upstream`: the CVE numbers of a distribution's advisory; before 1.7 they stood among `related`.
    aliases: [...new Set([...(file.aliases ?? []), ...(file.upstream ?? []), ...relatedCves(file)])].sort(),
    summary: (file.summary || file.details?.trim().split('\n')[0] || '').slice(0, 500),
    severity: severityOf(file),
    modified: file.modified,
    withdrawn: file.withdrawn ?? null,
  };
}

const relatedCves = ({ id, aliases, upstream, related }: OsvFile): string[] =>
  id.startsWith('CVE-') || (aliases?.length ?? 0) + (upstream?.length ?? 0) > 0
    ? []
    : (related ?? []).filter(name => name.startsWith('CVE-'));

function severityOf({ severity, affected, database_specific: database }: OsvFile): Severity {
  const given = [...(severity ?? []), ...(affected ?? []).flatMap(each => each.severity ?? [])];
  for (const { score } of given) {
    const counted = cvss3Score(score);
    if (counted !== null) return { score: counted, from: score };
  }
  const words = [
    ...given.map(({ score }) => score),
    database?.severity,
    ...(affected ?? []).flatMap(({ ecosystem_specific: specific }) => [specific?.severity, specific?.urgency]),
  ];
  const word = words.find(each => each && wordScore(each) !== null);
  return word ? { score: wordScore(word), from: word.toLowerCase() } : { score: null, from: given[0]?.score ?? '' };
}

/** Events stand in any order of their versions; each `introduced` goes to the next end that is written after it. */
function rangesOf(events: readonly z.output<typeof Event>[]): Range[] {
  const ranges: Range[] = [];
  let open: Range | null = null;
  for (const { introduced, fixed, last_affected: lastAffected } of events) {
    if (introduced !== undefined) {
      if (open) ranges.push(open);
      open = { introduced: introduced === '0' ? null : introduced, fixed: null, lastAffected: null };
    } else if (fixed !== undefined || lastAffected !== undefined) {
      open ??= { introduced: null, fixed: null, lastAffected: null };
      const ended: Range = { ...open, fixed: fixed ?? open.fixed, lastAffected: lastAffected ?? open.lastAffected };
      open = ended;
      if (fixed !== undefined) {
        ranges.push(ended);
        open = null;
      }
    }
  }
  if (open) ranges.push(open);
  return ranges;
}
