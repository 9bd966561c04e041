import {
  accepted,
  isOver,
  isUndo,
  runnable,
  type Standing,
  type StandingEvent,
  step,
} from '@tidemark/shared/orders/frontier.ts';

/*
 * The kill matrix, generated: every transition that the state machine of orders allows in any state that an order of two
 * jobs can be in, and for each every moment at which the executor's process can end. Pure.
 */

export const LENGTH = 2;
/** Beside the first. */
export const RETRIES = 1;

/** One order for each: what a step is, and what its failure leads to. */
export interface Variant {
  /** Whether its steps may run again. */
  steps: 'once' | 'again';
  /** Of each job. */
  retries: readonly [number, number];
  onFailure: 'hold' | 'continue';
  undo: boolean;
  /** Short enough for a step that hangs. */
  hangs: boolean;
}

/** What makes a transition happen. */
export type Cause =
  /** A message. */
  | 'told'
  /** Its turn has come. */
  | 'free'
  | 'succeeds'
  | 'fails'
  | 'hangs'
  /** It could not even begin: there was no room. */
  | 'no room'
  /** Its time was over. */
  | 'late'
  | 'nothing to take back'
  /** Its processes were killed. */
  | 'lost';

/** Where exactly the process ends, by its own hand and without a word; `alive`: it does not. */
export type Moment =
  | 'alive'
  /** In the transaction, before it counts. */
  | 'not written'
  /** It counts, and nobody has heard of it. */
  | 'written'
  /** The report of it has gone out. */
  | 'reported'
  | 'acknowledgement not written'
  | 'acknowledged'
  | 'child launched'
  | 'child at work'
  /** The step's processes are killed with it. */
  | 'child at work, and killed too'
  | 'child ended';

export interface Cell {
  name: string;
  variant: Variant;
  /** What the order is led through, from its acceptance to where the transition begins. */
  path: Edge[];
  edge: Edge;
  moment: Moment;
  /** The next process is killed as well, in the transaction of the first thing that it writes. */
  again: boolean;
}

/** `from` by `events` to `to`: more than one where they are one transaction. */
export interface Edge {
  from: Standing;
  events: StandingEvent[];
  to: Standing;
  cause: Cause;
}

const WRITES: readonly Moment[] = ['not written', 'written'];
const BEGINS: readonly Moment[] = [
  ...WRITES,
  'reported',
  'child launched',
  'child at work',
  'child at work, and killed too',
];
const ENDS: readonly Moment[] = [
  'alive',
  'child ended',
  ...WRITES,
  'reported',
  'acknowledgement not written',
  'acknowledged',
];
/** Where the next process has to find out what became of a step. */
const isKilledAgain = ({ cause }: Edge, moment: Moment): boolean =>
  (cause === 'free' && (moment === 'written' || moment === 'child at work, and killed too')) ||
  (cause === 'fails' && (moment === 'child ended' || moment === 'not written'));

const STANDARD: Variant = { steps: 'once', retries: [RETRIES, RETRIES], onFailure: 'hold', undo: true, hangs: false };

/** The whole matrix. */
export function allCells(): Cell[] {
  return edges().flatMap(edge =>
    variantsFor(edge).flatMap(variant =>
      momentsOf(edge).flatMap(moment =>
        (isKilledAgain(edge, moment) ? [false, true] : [false]).map(again => cell(edge, variant, moment, again)),
      ),
    ),
  );
}

/**
 * Some of them: every moment of every sort of transition. A sort is an event with its cause, and for a message also the
 * state that it finds. Cells of one sort take turns, so that both directions, all jobs, attempts and frontiers come up.
 */
export function coveringCells(cells: readonly Cell[] = allCells()): Cell[] {
  const sorts = Map.groupBy(cells, ({ edge: { from, events, cause }, moment, variant, again }) => {
    const state = cause === 'told' ? from.state : '';
    const steps = cause === 'free' ? variant.steps : '';
    return [state, ...events.map(({ event }) => event), cause, moment, again, steps].join();
  });
  return [...sorts.values()].flatMap((sort, index) => sort[(index * 7) % sort.length] ?? []);
}

function cell(edge: Edge, variant: Variant, moment: Moment, again: boolean): Cell {
  const kind = Object.entries({ ...variant })
    .filter(([key, value]) => String(value) !== String(STANDARD[key as keyof Variant]))
    .map(([key, value]) => `${key} ${value}`);
  const where = moment === 'alive' ? 'not killed' : `killed ${again ? 'twice' : 'once'}: ${moment}`;
  const name = `${edgeText(edge)}${kind.length > 0 ? ` (${kind.join(', ')})` : ''}, ${where}`;
  return { name, variant, path: pathTo(edge.from, variant) ?? [], edge, moment, again };
}

// -- transitions ------------------------------------------------------------------------------------------------------

/** Further, and once more as far as it is. */
const releases = (from: Standing): StandingEvent[] =>
  [0, 1, 2]
    .filter(frontier => frontier >= ('frontier' in from ? from.frontier : LENGTH))
    .map(frontier => ({ event: 'release', frontier }));
const UNDO: StandingEvent = { event: 'undo' };
const START: StandingEvent = { event: 'start' };
const PASS: StandingEvent = { event: 'pass' };
const RETRY: StandingEvent = { event: 'retry' };
const halt = (outcome: 'failed' | 'missed' | 'unknown'): StandingEvent => ({ event: 'halt', outcome });

/** All that can happen in a state, with what makes it happen. */
function happenings(from: Standing): { events: StandingEvent[]; cause: Cause }[] {
  const one = (cause: Cause, ...events: StandingEvent[]) => ({ events, cause });
  const told = [...releases(from), UNDO].map(event => one('told', event));
  if (runnable(from) !== null) {
    const first = from.state === 'undo-idle' && from.attempt === 1;
    const late = from.state === 'idle' ? [one('late', halt('missed'))] : [];
    if (first) late.push(one('nothing to take back', START, PASS));
    return [...told, one('free', START), ...late, ...endings(from).map(end => one('no room', START, end))];
  }
  if (from.state !== 'running' && from.state !== 'undo-running') return told;
  const failures = endings(from).flatMap(end => [one('fails', end), one('hangs', end)]);
  const forgiven = from.state === 'running' && from.attempt > RETRIES ? [one('fails', PASS)] : [];
  return [...told, one('succeeds', PASS), ...forgiven, ...failures, one('hangs', halt('unknown'))];
}

/** How an attempt can fail that is known to have failed. */
const endings = (from: Standing): StandingEvent[] =>
  'attempt' in from && from.attempt <= RETRIES ? [RETRY, halt('failed')] : [halt('failed')];

/** Every transition of every state that can be reached. */
export function edges(): Edge[] {
  const found: Edge[] = [];
  const known = new Set<string>();
  const waiting: Standing[] = [accepted()];
  for (let from = waiting.shift(); from; from = waiting.shift()) {
    if (known.has(keyOf(from))) continue;
    known.add(keyOf(from));
    for (const { events, cause } of happenings(from)) {
      const to = after(from, events);
      if (to === null) continue;
      found.push({ from, events, to, cause });
      waiting.push(to);
    }
  }
  return found;
}

/** Null where the machine does not allow it. */
function after(from: Standing, events: readonly StandingEvent[]): Standing | null {
  let standing = from;
  for (const event of events) {
    const moved = step(standing, event, LENGTH);
    if (!moved.ok) return null;
    standing = moved.value;
  }
  return standing;
}

/** From the plainest on. */
const VARIANTS: readonly Variant[] = [
  STANDARD,
  { ...STANDARD, steps: 'again' },
  { ...STANDARD, retries: [0, 0] },
  { ...STANDARD, retries: [RETRIES, 0] },
  { ...STANDARD, onFailure: 'continue' },
  { ...STANDARD, undo: false },
  { ...STANDARD, hangs: true },
  { ...STANDARD, hangs: true, steps: 'again' },
  { ...STANDARD, hangs: true, steps: 'again', retries: [0, 0] },
  { ...STANDARD, hangs: true, steps: 'again', retries: [RETRIES, 0] },
];

/** The plainest order in which it can happen; where a child can be killed, one of each sort of steps. */
function variantsFor(edge: Edge): Variant[] {
  const fitting = VARIANTS.filter(variant => happensIn(edge, variant) && pathTo(edge.from, variant) !== null);
  const sorts = edge.cause === 'free' ? (['once', 'again'] as const) : [fitting[0]?.steps];
  const chosen = sorts.flatMap(sort => fitting.find(({ steps }) => steps === sort) ?? []);
  if (chosen.length === 0) throw new Error(`no order in which this can happen: ${edgeText(edge)}`);
  return chosen;
}

function momentsOf({ events, cause }: Edge): readonly Moment[] {
  if (cause === 'free') return BEGINS;
  if (cause === 'succeeds' || cause === 'fails') return ENDS;
  // What follows the end of a child is the same for all.
  if (cause === 'hangs') return ['alive', 'child at work', 'child ended', 'not written', 'written'];
  if (cause === 'told' && events.length === 1) return WRITES;
  return [...WRITES, 'reported'];
}

/** The shortest way there that an order of this kind can go; null where it never comes there. */
export function pathTo(standing: Standing, variant: Variant): Edge[] | null {
  const seen = new Set<string>([keyOf(accepted())]);
  const waiting: { at: Standing; path: Edge[] }[] = [{ at: accepted(), path: [] }];
  for (let next = waiting.shift(); next; next = waiting.shift()) {
    if (keyOf(next.at) === keyOf(standing)) return next.path;
    for (const { events, cause } of happenings(next.at)) {
      const edge = { from: next.at, events, to: after(next.at, events), cause };
      if (edge.to === null || seen.has(keyOf(edge.to))) continue;
      if (cause === 'no room' || !happensIn(edge as Edge, variant)) continue;
      seen.add(keyOf(edge.to));
      waiting.push({ at: edge.to, path: [...next.path, edge as Edge] });
    }
  }
  return null;
}

const hasAttemptsLeft = (standing: Standing, { retries }: Variant): boolean =>
  'attempt' in standing && (standing.attempt ?? 1) <= (retries[standing.position] ?? 0);

/** Whether an order of this kind goes this way when it is led there. */
function happensIn({ from, events, cause }: Edge, variant: Variant): boolean {
  const end = events.at(-1) as StandingEvent;
  const isLast = !hasAttemptsLeft(from, variant);
  switch (cause) {
    case 'nothing to take back':
      return !variant.undo;
    case 'no room':
    case 'fails':
      if (end.event === 'retry') return !isLast;
      return isLast && (end.event === 'pass') === (variant.onFailure === 'continue' && !isUndo(from));
    case 'hangs':
      if (!variant.hangs) return false;
      if (end.event === 'retry') return variant.steps === 'again' && !isLast;
      return (end as { outcome: string }).outcome === 'unknown'
        ? variant.steps === 'once'
        : variant.steps === 'again' && isLast;
    case 'free':
      return variant.undo || !isUndo(from);
    default:
      return true;
  }
}

// -- names ------------------------------------------------------------------------------------------------------------

export const keyOf = (standing: Standing): string => {
  const { state, ...rest } = standing;
  const values = Object.values(rest).map(value => (typeof value === 'object' ? JSON.stringify(value) : value));
  return `${state} ${values.join('/')}`.trim();
};

export const textOf = (event: StandingEvent): string =>
  [event.event, 'frontier' in event ? event.frontier : '', 'outcome' in event ? event.outcome : ''].join(' ').trim();

const edgeText = ({ from, events, to, cause }: Edge): string =>
  `${keyOf(from)} -> ${events.map(textOf).join(', ')} (${cause}) -> ${keyOf(to)}`;

// -- what must come out -----------------------------------------------------------------------------------------------

/** A state in which an order stays until it is told something. */
export const isSettled = (standing: Standing): boolean =>
  runnable(standing) === null && standing.state !== 'running' && standing.state !== 'undo-running';

export interface Expected {
  standing: Standing;
  story: string[];
  /** Exactly these programs, in this order. */
  marks: string[];
}

/**
 * The story as the machine tells it: the path, the transition or what the kill left of it, and then everything well: all
 * is released, what halted is taken back.
 */
export function expectedOf({ path, edge, moment, variant }: Cell): Expected {
  const story: string[] = [];
  let standing = accepted();
  const go = ({ from, events, to, cause }: Omit<Edge, 'from' | 'to'> & { from: Standing; to: Standing }) => {
    standing = to;
    story.push(...reportsOf(from, events, cause));
    const ended = isOver(to) && !isOver(from);
    if (ended) story.push(`finished ${isUndo(to) ? 'undo' : 'forward'}`);
  };
  const take = (events: StandingEvent[], cause: Cause) => {
    const to = after(standing, events);
    if (to === null) throw new Error(`${keyOf(standing)} does not allow ${events.map(textOf).join()}`);
    go({ from: standing, events, to, cause });
  };
  for (const each of path) go(each);
  const byChild = edge.cause === 'succeeds' || edge.cause === 'fails' || edge.cause === 'hangs';
  // A child that has ended has left its result: it does not matter who reads it.
  if (moment !== 'not written' || byChild) go(edge);
  if (moment === 'child at work, and killed too') {
    if (variant.steps === 'once') take([halt('unknown')], 'lost');
    else take([hasAttemptsLeft(standing, variant) ? RETRY : halt('failed')], 'lost');
  }
  for (let next = onwards(standing); next; next = onwards(standing)) take(next.events, next.cause);
  const marks = story.filter(line => line.endsWith(' started')).map(line => line.split(' ')[0] ?? '');
  return { standing, story, marks };

  function onwards(at: Standing): { events: StandingEvent[]; cause: Cause } | null {
    if (runnable(at) !== null)
      return isUndo(at) && !variant.undo
        ? { events: [START, PASS], cause: 'nothing to take back' }
        : { events: [START], cause: 'free' };
    if (at.state === 'running' || at.state === 'undo-running') return { events: [PASS], cause: 'succeeds' };
    if (at.state === 'idle') return { events: [{ event: 'release', frontier: LENGTH }], cause: 'told' };
    return at.state === 'halted' ? { events: [UNDO], cause: 'told' } : null;
  }
}

function reportsOf(from: Standing, events: readonly StandingEvent[], cause: Cause): string[] {
  if (cause === 'told' || !('position' in from)) return [];
  const attempt = 'attempt' in from ? from.attempt : 1;
  const who = `${isUndo(from) ? 'undo' : 'do'}-${from.position}.${attempt}`;
  const end = events.at(-1) as StandingEvent;
  switch (cause) {
    case 'free':
      return [`${who} started`];
    case 'succeeds':
      return [`${who} succeeded`];
    case 'nothing to take back':
      return [`${who} skipped`];
    default:
      return [`${who} ${end.event === 'halt' ? end.outcome : 'failed'}`];
  }
}
