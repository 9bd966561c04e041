import type { Change, Changes } from '../../api/contract/hosts.ts';
import type { Listing } from '../output/format.ts';
import { duration, moment } from '../output/time.ts';

export const changesListing = ({ host, since, changes, factsAgeMs, factsStale }: Changes): Listing<Change> => ({
  rows: changes,
  columns: [
    { title: 'SEEN', value: row => moment(row.at) },
    { title: 'KIND', value: row => row.kind },
    { title: 'WHAT', value: row => row.subject || '-' },
    { title: 'FROM', value: row => row.from },
    { title: 'TO', value: row => row.to },
  ],
  name: row => `${row.kind} ${row.subject}`.trim(),
  empty: `Nothing has changed on ${host} since ${moment(since)}, as far as its agent has said${
    factsAgeMs === null ? ': it has told nothing yet' : factsStale ? `: STALE, last ${duration(factsAgeMs)} ago` : ''
  }.`,
});
