import type { Paint } from '../output/colour.ts';
import { plain } from '../output/sanitise.ts';
import type { Difference, PlanDiff } from '../plan-diff.ts';

const AREAS: readonly [Difference['area'], string][] = [
  ['window', 'Window'],
  ['hosts', 'Hosts'],
  ['versions', 'Versions'],
  ['steps', 'Steps'],
  ['limits', 'Waves, limits and budgets'],
  ['approvals', 'Approvals'],
];
const SIGNS = { added: '+', gone: '-', changed: '~' } as const;
/** More names than these and nobody reads them. */
const NAMED = 10;

/** What is another than in the plan before, as people read it before they sign anew. */
export function diffLines(diff: PlanDiff, paint: Paint): string[] {
  const title = `Against plan ${diff.before}`;
  if (diff.differences.length === 0)
    return [paint('strong', title), '  nothing would happen otherwise', ...closing(diff)];
  return [
    paint('strong', title),
    ...AREAS.flatMap(([area, heading]) => {
      const found = diff.differences.filter(each => each.area === area);
      return found.length === 0
        ? []
        : [`  ${heading}`, ...found.map(each => `    ${SIGNS[each.change]} ${lineOf(each)}`)];
    }),
    ...closing(diff),
  ];
}

function lineOf({ what, hosts }: Difference): string {
  if (hosts.length === 0) return plain(what);
  const more = hosts.length > NAMED ? ` and ${hosts.length - NAMED} more` : '';
  return plain(`${hosts.slice(0, NAMED).join(', ')}${more}: ${what}`);
}

const closing = ({ needsApproval }: PlanDiff): string[] => [
  needsApproval
    ? '  It is another plan: approvals of the one before do not count for it.'
    : '  It is the same plan: its approvals count.',
];
