import type { RunMatrix } from '@tidemark/controller/api/contract/run-matrix.ts';

type MatrixHost = RunMatrix['hosts'][number];
export type Grouping = 'wave' | 'application' | 'cluster' | 'tier';

export interface Look {
  group: Grouping;
  /** Hosts whose names, reasons or groups hold this, in small letters or not. */
  find: string;
  /** Only those that need somebody. */
  problems: boolean;
  /** Hosts of which all cells and reasons are alike are one row. */
  fold: boolean;
}

export type Row =
  | { kind: 'group'; key: string; title: string; hosts: number; done: number }
  | { kind: 'hosts'; key: string; hosts: readonly MatrixHost[]; like: MatrixHost };

/** The states that need somebody to look, the worst first. */
const PROBLEMS: readonly MatrixHost['state'][] = ['failed', 'refused', 'held', 'undoing', 'undone'];
const NEED_A_LOOK = 'Need a look';

export const isProblem = ({ state }: MatrixHost): boolean => PROBLEMS.includes(state);

/** What is on the screen, from top to bottom: those that need a look, the worst first, and then the others by group. */
export function rowsOf({ hosts, waves }: Pick<RunMatrix, 'hosts' | 'waves'>, look: Look): Row[] {
  const shown = hosts.filter(host => (!look.problems || isProblem(host)) && matches(host, look.find));
  const order = new Map(waves.map(({ name }, index) => [name, index]));
  const groups = Map.groupBy(shown, host => (isProblem(host) ? NEED_A_LOOK : groupOf(host, look.group)));
  const titles = [...groups.keys()].sort(
    (a, b) =>
      Number(b === NEED_A_LOOK) - Number(a === NEED_A_LOOK) ||
      (order.get(a) ?? order.size) - (order.get(b) ?? order.size) ||
      byName(a, b),
  );
  return titles.flatMap(title => {
    const members = (groups.get(title) ?? []).toSorted((a, b) => rank(a) - rank(b) || byName(a.host, b.host));
    const done = members.filter(({ state }) => state === 'succeeded').length;
    const head: Row = { kind: 'group', key: `group ${title}`, title, hosts: members.length, done };
    return [head, ...(look.fold ? folded(members) : members.map(host => rowOf([host], host)))];
  });
}

/** Rows of one host where it is like no other; they stand where their first host stands. */
function folded(members: readonly MatrixHost[]): Row[] {
  const alike = Map.groupBy(
    members,
    ({ state, reason, connected, cells }) => `${state}\0${reason}\0${connected}\0${cells}`,
  );
  return [...alike.values()].flatMap(hosts => (hosts[0] ? [rowOf(hosts, hosts[0])] : []));
}

const rowOf = (hosts: readonly MatrixHost[], like: MatrixHost): Row => ({ kind: 'hosts', key: like.host, hosts, like });

function groupOf(host: MatrixHost, by: Grouping): string {
  if (by === 'wave') return host.wave;
  if (by === 'tier') return host.tiers.join(', ') || 'no tier';
  return host[by] ?? `no ${by}`;
}

function matches({ host, wave, application, cluster, reason, state, tiers }: MatrixHost, find: string): boolean {
  if (find === '') return true;
  const wanted = find.toLowerCase();
  return [host, wave, application ?? '', cluster ?? '', reason, state, ...tiers].some(text =>
    text.toLowerCase().includes(wanted),
  );
}

const rank = ({ state }: MatrixHost): number => {
  const problem = PROBLEMS.indexOf(state);
  return problem >= 0 ? problem : PROBLEMS.length;
};

/** `web2` before `web10`. Made once: comparing so without it takes a second for 10,000. */
const { compare: byName } = new Intl.Collator('en', { numeric: true });

/** What a letter of a cell means, and how it is shown. */
export const CELLS: Readonly<Record<string, { word: string; tone: string; glyph: string }>> = {
  '.': { word: 'no such job', tone: 'none', glyph: '' },
  p: { word: 'pending', tone: 'pending', glyph: '' },
  r: { word: 'released', tone: 'working', glyph: 'wait' },
  R: { word: 'running', tone: 'working', glyph: 'working' },
  s: { word: 'succeeded', tone: 'good', glyph: 'good' },
  f: { word: 'failed', tone: 'bad', glyph: 'bad' },
  m: { word: 'missed', tone: 'bad', glyph: 'wait' },
  u: { word: 'unknown', tone: 'warning', glyph: 'unknown' },
  k: { word: 'skipped', tone: 'quiet', glyph: 'skip' },
  c: { word: 'cancelled', tone: 'quiet', glyph: 'quiet' },
  '<': { word: 'being undone', tone: 'back', glyph: 'back' },
  b: { word: 'undone', tone: 'back', glyph: 'back' },
  x: { word: 'undo failed', tone: 'bad', glyph: 'bad' },
};
