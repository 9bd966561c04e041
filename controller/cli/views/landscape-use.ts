import type { Impact, Standing, Suggestion } from '../../api/contract/landscape-use.ts';
import type { Listing } from '../output/format.ts';
import { plain } from '../output/sanitise.ts';
import { moment } from '../output/time.ts';

/** `orders-web@web01, of orders (uses orders-db@db01)`, nearest first; then whom it is to be told. */
export function impactLines(impact: Impact | null): string[] {
  if (impact === null) return [];
  const affected = impact.affected.map(({ component, host, application, kind, because, coveredBy }) => {
    const of = application === null ? '' : `, of ${application}`;
    const covered = coveredBy === null ? '' : `; cluster ${coveredBy} covers it`;
    return plain(`${component}@${host}${of} (${kind.replace('-', ' ')} ${because}${covered})`);
  });
  const promised = impact.applications.flatMap(({ name, owner, availability, penaltyClass }) => {
    const said = [
      ...(owner === null ? [] : [`owner ${owner}`]),
      ...(availability === null ? [] : [`${availability}% promised`]),
      ...(penaltyClass === null ? [] : [`penalty class ${penaltyClass}`]),
    ];
    return said.length === 0 ? [] : [plain(`application ${name}: ${said.join(', ')}`)];
  });
  return [...affected, ...promised];
}

export const standingsListing = (rows: readonly Standing[]): Listing<Standing> => ({
  rows,
  columns: [
    { title: 'HOST', value: row => row.host },
    { title: 'WHAT', value: row => row.kind },
    { title: 'OF', value: row => row.about },
    { title: 'ENDS', value: row => moment(row.ends) },
    { title: 'WHY', value: row => row.text, wide: true },
  ],
  name: row => `${row.host} ${row.kind} ${row.about}`,
  empty: 'Nothing is known of contracts and support: import a landscape.',
});

export const suggestionsListing = (rows: readonly Suggestion[]): Listing<Suggestion> => ({
  rows,
  columns: [
    { title: 'ID', value: row => row.id },
    { title: 'WHAT', value: row => row.message },
    { title: 'DECIDED', value: row => (row.decision ? `${row.decision.decision} by ${row.decision.by}` : null) },
    { title: 'REASON', value: row => row.decision?.reason, wide: true },
  ],
  name: row => row.id,
  empty: 'Agents saw no connection that the landscape does not know.',
});
