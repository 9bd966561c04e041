import type { Explained, Group, GroupChange, QueryPage, SavedQuery } from '../../api/contract/queries.ts';
import type { Listing } from '../output/format.ts';
import { plain } from '../output/sanitise.ts';
import { moment } from '../output/time.ts';

export const foundListing = (
  rows: QueryPage['hosts'],
  fields: readonly string[],
): Listing<QueryPage['hosts'][number]> => ({
  rows,
  columns: [
    { title: 'HOST', value: row => row.name },
    ...fields.map(field => ({
      title: field.toUpperCase(),
      value: (row: QueryPage['hosts'][number]) => cellOf(row.fields[field]),
    })),
  ],
  name: row => row.name,
  empty: 'No host is known to be so.',
});

function cellOf(value: unknown): string | null {
  if (value === null || value === undefined) return null;
  if (Array.isArray(value) && value.every(item => typeof item === 'string')) return value.join(', ');
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

/** Reasons with how many hosts each is of, the most first. */
export function unknownLines(unknown: QueryPage['unknown'], isListed: boolean): string[] {
  if (unknown.length === 0) return [];
  const hosts = unknown.length === 1 ? '1 host' : `${unknown.length} hosts`;
  if (isListed)
    return [
      `Of ${hosts} it is not known:`,
      ...unknown.map(({ name, why }) => `  ${plain(name)}: ${why.map(plain).join('; ')}`),
    ];
  const reasons = Map.groupBy(
    unknown.flatMap(({ why }) => why),
    // One reason, whenever the last facts are from.
    reason => reason.replace(/ the last are from .*/, ''),
  );
  const counted = [...reasons]
    .map(([reason, each]) => ({ reason, count: each.length }))
    .sort((a, b) => b.count - a.count);
  return [
    `Of ${hosts} it is not known ("--unknown" lists them):`,
    ...counted.slice(0, 5).map(({ reason, count }) => `  ${count}: ${plain(reason)}`),
  ];
}

export const queriesListing = (rows: readonly SavedQuery[]): Listing<SavedQuery> => ({
  rows,
  columns: [
    { title: 'NAME', value: row => row.name },
    { title: 'QUERY', value: row => row.text },
    { title: 'BY', value: row => row.savedBy },
    { title: 'SAVED', value: row => moment(row.savedAt) },
  ],
  name: row => row.name,
  empty: 'No query is saved: "tidemark query save NAME QUERY" saves one.',
});

export const groupsListing = (rows: readonly Group[]): Listing<Group> => ({
  rows,
  columns: [
    { title: 'NAME', value: row => row.name },
    { title: 'IMPORTANCE', value: row => row.importance },
    { title: 'OWNER', value: row => row.owner },
    { title: 'HOSTS', value: row => row.select },
    { title: 'BY', value: row => row.madeBy, wide: true },
    { title: 'MADE', value: row => moment(row.madeAt), wide: true },
  ],
  name: row => row.name,
  empty: 'There is no group: "tidemark group create NAME --select QUERY" makes one.',
});

export const changesListing = (rows: readonly GroupChange[]): Listing<GroupChange> => ({
  rows,
  columns: [
    { title: 'AT', value: row => moment(row.at) },
    { title: 'HOST', value: row => row.host },
    { title: 'WAS', value: row => standing(row.was) },
    { title: 'IS', value: row => standing(row.is) },
    { title: 'BECAUSE', value: row => row.because },
  ],
  name: row => row.host,
  empty: 'Nobody came or went since the group was made. Who is in it is looked at once a minute.',
});

const standing = (answer: boolean | null): string => (answer === null ? 'not known' : answer ? 'in it' : 'not in it');

/** A condition as a tree: each part with its answer, and what was found. */
export function explainedLines({ parts }: Explained, about: string): string[] {
  const answer = parts[0]?.answer ?? null;
  const first =
    answer === null ? `Whether ${plain(about)} is not known:` : `${plain(about)}: ${answer ? 'yes' : 'no'}.`;
  return [
    first,
    ...parts.map(({ depth, text, answer: own, is, found }) => {
      const what = is === null || is === 'group' ? plain(text) : JUNCTIONS[is];
      return `${'  '.repeat(depth + 1)}${SIGNS[String(own)]} ${what}${found === '' ? '' : `   (${plain(found)})`}`;
    }),
  ];
}

const SIGNS: Readonly<Record<string, string>> = { true: 'yes    ', false: 'no     ', null: 'unknown' };
const JUNCTIONS = { and: 'all of', or: 'any of', not: 'not' } as const;
