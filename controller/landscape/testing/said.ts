import type { LandscapeContent } from '../landscape.ts';
import { mergeLandscape } from '../merge.ts';
import type { Contribution } from '../records.ts';
import { type Row, recordsOfRows } from '../rows.ts';
import type { Section } from '../schema.ts';

type Said = Partial<Record<Section, object[]>> & { tiers?: string[] };

/** What a source says, from entries as landscape files have them. */
export function said(source: string, { tiers, ...entries }: Said, priority = 0): Contribution {
  const rows = Object.entries(entries).flatMap(([section, values]) =>
    values.map(
      (value, index): Row => ({ section: section as Section, value, origin: `${source} ${section} ${index}` }),
    ),
  );
  const { records, problems } = recordsOfRows(rows);
  if (problems.length > 0) throw new Error(JSON.stringify(problems));
  return { source, priority, records: { ...records, tiers: tiers ?? null } };
}

/** A landscape from entries; without a conflict. */
export function landscapeOf(entries: Said): LandscapeContent {
  const { content, conflicts } = mergeLandscape([said('file', entries)]);
  if (conflicts.length > 0) throw new Error(JSON.stringify(conflicts));
  return content;
}
