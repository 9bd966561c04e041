import { read } from './capture.ts';
import type { CommandPlace } from './command.ts';
import { needTool } from './tools.ts';

/** A unit as systemd knows it. */
export interface UnitState {
  unit: string;
  /** `loaded`, `not-found`, `masked`, ... */
  load: string;
  /** `active`, `inactive`, `failed`, `activating`, ... */
  active: string;
  sub: string;
}

/** Runs systemctl; throws where it fails, and says so where there is no systemd. */
export async function systemctl(args: readonly string[], place: CommandPlace): Promise<string> {
  return read([needTool(place.root, 'systemctl'), ...args], place);
}

/** The state of each, in their order. A unit that is not there is `not-found`. */
export async function unitStates(units: readonly string[], place: CommandPlace): Promise<UnitState[]> {
  if (units.length === 0) return [];
  const said = await systemctl(['show', '--property=Id,LoadState,ActiveState,SubState', '--', ...units], place);
  const blocks = said.trim().split(/\n\n+/);
  return units.map((unit, index) => {
    const of = properties(blocks[index] ?? '');
    return { unit, load: of('LoadState'), active: of('ActiveState'), sub: of('SubState') };
  });
}

/** Units of those types that are in memory in one of the given states. */
export async function listUnits(filter: { types?: string; states?: string }, place: CommandPlace): Promise<string[]> {
  const options = [
    ...(filter.types === undefined ? [] : [`--type=${filter.types}`]),
    ...(filter.states === undefined ? ['--all'] : [`--state=${filter.states}`]),
  ];
  const said = await systemctl(['list-units', '--plain', '--no-legend', '--no-pager', '--full', ...options], place);
  return firstWords(said);
}

/** The first word of every line. */
export const firstWords = (text: string): string[] =>
  text
    .split('\n')
    .map(line => line.trim().split(/\s+/)[0] ?? '')
    .filter(word => word !== '');

/** Reads `Name=value` lines. */
export function properties(text: string): (name: string) => string {
  const lines = new Map(
    text.split('\n').flatMap(line => {
      const at = line.indexOf('=');
      return at < 0 ? [] : [[line.slice(0, at), line.slice(at + 1)] as const];
    }),
  );
  return name => lines.get(name) ?? '';
}
