import type { LandscapeRecords } from './records.ts';

/** As much may go at once without anybody being asked: a rack that was taken away, not an export that broke off. */
export const DEFAULT_MAX_DROP = 0.2;
/** A few that go are a share of a small estate, and an everyday thing. */
const FEW = 5;

/**
 * Why what a source gives now must not replace what it gave before without a person who says so; null where it may.
 * Counted by name: half of the records gone is the same whether or not others came in their place.
 */
export function dropProblem(
  source: string,
  before: LandscapeRecords,
  after: LandscapeRecords,
  maxDrop: number,
): string | null {
  const parts = [
    lost(
      'hosts',
      before.hosts.map(({ name }) => name.toLowerCase()),
      after.hosts.map(({ name }) => name.toLowerCase()),
    ),
    lost('components', before.components.map(keyOf), after.components.map(keyOf)),
  ].filter(({ gone, of }) => gone >= FEW && gone / of > maxDrop);
  if (parts.length === 0) return null;
  const said = parts.map(({ what, gone, of }) => `${gone} of ${of} ${what}`).join(' and ');
  return `${said} that ${source} had are gone, more than the ${Math.round(maxDrop * 100)}% that may go at once: nothing was imported. Look at the source; where it is right, import with --allow-drop`;
}

const keyOf = ({ host, name }: { host: string; name: string }): string => `${name}@${host}`.toLowerCase();

function lost(what: string, before: readonly string[], after: readonly string[]) {
  const left = new Set(after);
  const had = new Set(before);
  return { what, of: had.size, gone: [...had].filter(key => !left.has(key)).length };
}
