import type { LandscapeChange, LandscapeConflict, LandscapeImported } from '../../api/contract/landscape.ts';
import type { LandscapeSource, SourceImport } from '../../api/contract/landscape-sources.ts';
import type { Listing } from '../output/format.ts';
import { plain } from '../output/sanitise.ts';
import { moment } from '../output/time.ts';

const counted = (count: number, word: string): string => `${count} ${word}${count === 1 ? '' : 's'}`;

/** What came of an import, in lines. */
export function importedLines(done: LandscapeImported): string[] {
  const { hosts, components, clusters, version, changed } = done;
  const what = `${counted(hosts, 'host')}, ${counted(components, 'component')}, ${counted(clusters, 'cluster')}`;
  const head = done.preview
    ? done.unchanged
      ? `Nothing would change: it says what version ${version} says`
      : `It would become version ${version}`
    : done.unchanged
      ? `Unchanged: still version ${version}`
      : `Imported as version ${version}`;
  const difference = done.unchanged
    ? []
    : [`${changed.added} added, ${changed.removed} removed, ${changed.changed} changed`];
  const more = changed.added + changed.removed + changed.changed - done.changes.length;
  return [
    `${head}: ${what}`,
    ...difference,
    ...(done.preview ? changeLines(done.changes) : []),
    ...(done.preview && more > 0 ? [`... and ${more} more`] : []),
    ...done.matches.map(({ host, source, name, reason }) => plain(`${name} of ${source} is ${host}: ${reason}`)),
    ...done.conflicts.slice(0, SHOWN).map(({ message }) => plain(`conflict: ${message}`)),
    ...(done.conflictCount > SHOWN
      ? [`... and ${done.conflictCount - SHOWN} more: "tidemark landscape conflicts"`]
      : []),
  ];
}

const SHOWN = 20;
const SIGNS = { added: '+', removed: '-', changed: '~' } as const;

/** `~ host db01: environment "test" -> "prod"`. */
export const changeLines = (changes: readonly LandscapeChange[]): string[] =>
  changes.map(({ section, name, change, fields }) => {
    const changed = fields.map(
      ({ field, before, after }) => `${field} ${JSON.stringify(before)} -> ${JSON.stringify(after)}`,
    );
    return plain(`${SIGNS[change]} ${section} ${name}${change === 'changed' ? `: ${changed.join(', ')}` : ''}`);
  });

export const conflictsListing = (rows: readonly LandscapeConflict[]): Listing<LandscapeConflict> => ({
  rows,
  columns: [
    { title: 'KIND', value: row => row.kind },
    { title: 'ABOUT', value: row => row.subject },
    { title: 'WHAT', value: row => row.message },
    { title: 'WHERE', value: row => row.origins.join(', '), wide: true },
  ],
  name: row => row.subject,
  empty: 'There is no conflict.',
});

export const sourcesListing = (rows: readonly LandscapeSource[]): Listing<LandscapeSource> => ({
  rows,
  columns: [
    { title: 'NAME', value: row => row.name },
    { title: 'KIND', value: row => row.kind },
    { title: 'PRIORITY', value: row => row.priority },
    { title: 'WHEN', value: row => (row.schedule ? `${row.schedule.cron} ${row.schedule.timezone}` : 'on demand') },
    { title: 'LAST GOOD', value: row => moment(row.goodAt) },
    { title: 'STALE', value: row => row.stale },
    { title: 'PROBLEM', value: row => row.problem, wide: true },
    { title: 'NEXT', value: row => moment(row.nextDueAt), wide: true },
    { title: 'BY', value: row => row.createdBy, wide: true },
  ],
  name: row => row.name,
  empty: 'The landscape is read from no source: files are imported by hand.',
});

export const importsListing = (rows: readonly SourceImport[]): Listing<SourceImport> => ({
  rows,
  columns: [
    { title: 'AT', value: row => moment(row.at) },
    { title: 'SOURCE', value: row => row.source },
    { title: 'OUTCOME', value: row => row.outcome },
    { title: 'VERSION', value: row => row.version },
    { title: 'BY', value: row => row.by },
    { title: 'WHAT', value: row => row.message },
  ],
  name: row => row.source,
  empty: 'Nothing was imported yet.',
});
