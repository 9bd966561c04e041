import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { present } from '../base/assert.ts';
import { accepted, isOver, isUndo, runnable, type Standing, type StandingEvent, step } from './frontier.ts';

const LENGTH = 3;

/** One standing for each state, in the middle of an order of three jobs. */
const STANDINGS: Record<Standing['state'], Standing> = {
  idle: { state: 'idle', frontier: 2, position: 1, attempt: 1 },
  running: { state: 'running', frontier: 2, position: 1, attempt: 1 },
  halted: { state: 'halted', frontier: 2, position: 1, begun: true, outcome: 'failed' },
  finished: { state: 'finished', length: LENGTH },
  'undo-idle': { state: 'undo-idle', position: 1, attempt: 1 },
  'undo-running': { state: 'undo-running', position: 1, attempt: 1 },
  'undo-halted': { state: 'undo-halted', position: 1, outcome: 'failed' },
  undone: { state: 'undone' },
};

const EVENTS: Record<StandingEvent['event'], StandingEvent> = {
  release: { event: 'release', frontier: 3 },
  undo: { event: 'undo' },
  start: { event: 'start' },
  pass: { event: 'pass' },
  retry: { event: 'retry' },
  halt: { event: 'halt', outcome: 'unknown' },
  again: { event: 'again', position: 1 },
  resolve: { event: 'resolve' },
};

type Row = Record<StandingEvent['event'], Standing['state'] | 'refused'>;

/** What every event does in every state: the whole machine on one page. */
const MATRIX: Record<Standing['state'], Row> = {
  idle: {
    release: 'idle',
    undo: 'undo-idle',
    start: 'running',
    pass: 'refused',
    retry: 'refused',
    halt: 'halted',
    again: 'refused',
    resolve: 'refused',
  },
  running: {
    release: 'running',
    undo: 'running',
    start: 'refused',
    pass: 'idle',
    retry: 'idle',
    halt: 'halted',
    again: 'refused',
    resolve: 'refused',
  },
  halted: {
    release: 'halted',
    undo: 'undo-idle',
    start: 'refused',
    pass: 'refused',
    retry: 'refused',
    halt: 'refused',
    again: 'idle',
    resolve: 'idle',
  },
  finished: {
    release: 'finished',
    undo: 'undo-idle',
    start: 'refused',
    pass: 'refused',
    retry: 'refused',
    halt: 'refused',
    again: 'refused',
    resolve: 'refused',
  },
  'undo-idle': {
    release: 'refused',
    undo: 'undo-idle',
    start: 'undo-running',
    pass: 'refused',
    retry: 'refused',
    halt: 'undo-halted',
    again: 'refused',
    resolve: 'refused',
  },
  'undo-running': {
    release: 'refused',
    undo: 'undo-running',
    start: 'refused',
    pass: 'undo-idle',
    retry: 'undo-idle',
    halt: 'undo-halted',
    again: 'refused',
    resolve: 'refused',
  },
  'undo-halted': {
    release: 'refused',
    undo: 'refused',
    start: 'refused',
    pass: 'refused',
    retry: 'refused',
    halt: 'refused',
    again: 'undo-idle',
    resolve: 'undo-idle',
  },
  undone: {
    release: 'refused',
    undo: 'undone',
    start: 'refused',
    pass: 'refused',
    retry: 'refused',
    halt: 'refused',
    again: 'refused',
    resolve: 'refused',
  },
};

describe('frontier: every event in every state', () => {
  for (const [state, row] of Object.entries(MATRIX) as [Standing['state'], Row][]) {
    for (const [event, expected] of Object.entries(row) as [StandingEvent['event'], string][]) {
      it(`${state} + ${event} -> ${expected}`, () => {
        const result = step(STANDINGS[state], EVENTS[event], LENGTH);
        expect(result.ok ? result.value.state : 'refused').toBe(expected);
        if (!result.ok) expect(result.error).toContain(`an order that is ${state} cannot be`);
      });
    }
  }
});

describe('frontier: the edges', () => {
  it('does not start what is not released', () => {
    expect(runnable(accepted())).toBeNull();
    expect(step(accepted(), { event: 'start' }, LENGTH).ok).toBe(false);
  });

  it('is never released further than the order is long', () => {
    expect(step(accepted(), { event: 'release', frontier: 99 }, LENGTH)).toMatchObject({ value: { frontier: LENGTH } });
  });

  it('is finished after its last job', () => {
    const last: Standing = { state: 'running', frontier: 3, position: 2, attempt: 1 };
    expect(step(last, { event: 'pass' }, LENGTH)).toEqual({ ok: true, value: { state: 'finished', length: 3 } });
  });

  it('is undone at once where nothing was begun', () => {
    expect(step(accepted(), { event: 'undo' }, LENGTH)).toEqual({ ok: true, value: { state: 'undone' } });
  });

  it.each([
    { name: 'failed after it began', halted: { begun: true, outcome: 'failed' }, from: 1 },
    { name: 'is unknown', halted: { begun: true, outcome: 'unknown' }, from: 1 },
    { name: 'was missed before it began', halted: { begun: false, outcome: 'missed' }, from: 0 },
    { name: 'was missed between two attempts', halted: { begun: true, outcome: 'missed' }, from: 1 },
  ] as const)('takes back first job $from where job 1 $name', ({ halted, from }) => {
    const standing: Standing = { state: 'halted', frontier: 2, position: 1, ...halted };
    expect(step(standing, { event: 'undo' }, LENGTH)).toMatchObject({ value: { position: from } });
  });

  it('knows that a job that is missed between two attempts has begun', () => {
    const between: Standing = { state: 'idle', frontier: 2, position: 1, attempt: 2 };
    expect(step(between, { event: 'halt', outcome: 'missed' }, LENGTH)).toMatchObject({ value: { begun: true } });
  });
});

describe('frontier: an order that is taken back while a job runs', () => {
  const running: Standing = { state: 'running', frontier: 3, position: 1, attempt: 1 };
  const turning = ended(step(running, { event: 'undo' }, LENGTH));

  it.each([
    ['pass', { event: 'pass' }],
    ['retry', { event: 'retry' }],
    ['halt', { event: 'halt', outcome: 'failed' }],
    ['be unknown', { event: 'halt', outcome: 'unknown' }],
  ] as const)('lets it %s, and begins with it then, whatever is released meanwhile', (_, end) => {
    expect(runnable(turning)).toBeNull();
    const released = ended(step(turning, { event: 'release', frontier: 3 }, LENGTH));
    for (const standing of [turning, released])
      expect(step(standing, end, LENGTH)).toMatchObject({ value: { state: 'undo-idle', position: 1, attempt: 1 } });
  });

  it('takes back all, also where the job was the last one', () => {
    const last = ended(step({ ...running, position: 2 }, { event: 'undo' }, LENGTH));
    expect(step(last, { event: 'pass' }, LENGTH)).toMatchObject({ value: { state: 'undo-idle', position: 2 } });
  });

  it('also what was begun behind it, where a person had sent it back', () => {
    const again = ended(step({ ...running, reached: 2 }, { event: 'undo' }, LENGTH));
    expect(step(again, { event: 'pass' }, LENGTH)).toMatchObject({ value: { state: 'undo-idle', position: 2 } });
  });
});

describe('frontier: what people decide', () => {
  const halted: Standing = { state: 'halted', frontier: 3, position: 2, begun: true, outcome: 'failed', attempt: 2 };

  it('goes on with the next attempt at the job that failed, and counts what was used up', () => {
    expect(step(halted, { event: 'again', position: 2 }, LENGTH)).toMatchObject({
      value: { state: 'idle', position: 2, attempt: 3, base: 2 },
    });
  });

  it('goes back to a job that had ended well, and every job after it begins with an attempt that is new', () => {
    let standing = ended(step(halted, { event: 'again', position: 0 }, LENGTH));
    const attempts: number[] = [];
    while (!isOver(standing)) {
      standing = ended(step(standing, { event: 'start' }, LENGTH));
      attempts.push('attempt' in standing ? (standing.attempt ?? 0) : 0);
      standing = ended(step(standing, { event: 'pass' }, LENGTH));
    }
    expect(attempts).toEqual([2, 2, 3]);
  });

  it('takes back also what was begun behind the job that it was sent back to', () => {
    const again = ended(step(halted, { event: 'again', position: 0 }, LENGTH));
    expect(step(again, { event: 'undo' }, LENGTH)).toMatchObject({ value: { state: 'undo-idle', position: 2 } });
  });

  it('does not go forward to a job that it has not come to', () => {
    const early: Standing = { ...halted, position: 1 };
    expect(step(early, { event: 'again', position: 2 }, LENGTH).ok).toBe(false);
  });

  it('is finished where the last job is settled, and undone where the last undo is', () => {
    expect(step(halted, { event: 'resolve' }, LENGTH)).toEqual({ ok: true, value: { state: 'finished', length: 3 } });
    const last: Standing = { state: 'undo-halted', position: 0, outcome: 'failed', attempt: 1 };
    expect(step(last, { event: 'resolve' }, LENGTH)).toEqual({ ok: true, value: { state: 'undone' } });
  });

  it('reads a standing that an older agent wrote', () => {
    const old: Standing = { state: 'halted', frontier: 3, position: 1, begun: true, outcome: 'failed' };
    expect(step(old, { event: 'again', position: 1 }, LENGTH)).toMatchObject({ value: { attempt: 2, base: 1 } });
  });
});

/** Everything that happened to an order: what was applied, what was refused, and each job that was begun. */
interface History {
  standings: Standing[];
  begunForward: { position: number; attempt: number }[];
  begunUndo: number[];
}

const anyEvent: fc.Arbitrary<StandingEvent> = fc.oneof(
  { weight: 3, arbitrary: fc.constant<StandingEvent>({ event: 'start' }) },
  { weight: 3, arbitrary: fc.constant<StandingEvent>({ event: 'pass' }) },
  { weight: 1, arbitrary: fc.constant<StandingEvent>({ event: 'retry' }) },
  { weight: 2, arbitrary: fc.nat(12).map((frontier): StandingEvent => ({ event: 'release', frontier })) },
  { weight: 1, arbitrary: fc.constant<StandingEvent>({ event: 'undo' }) },
  {
    weight: 1,
    arbitrary: fc
      .constantFrom('failed', 'missed', 'unknown')
      .map((outcome): StandingEvent => ({ event: 'halt', outcome })),
  },
);

function live(events: readonly StandingEvent[], length: number): History {
  const history: History = { standings: [accepted()], begunForward: [], begunUndo: [] };
  for (const event of events) {
    const before = present(history.standings.at(-1), 'standing');
    const result = step(before, event, length);
    if (!result.ok) continue;
    history.standings.push(result.value);
    if (event.event !== 'start') continue;
    if (before.state === 'idle') history.begunForward.push({ position: before.position, attempt: before.attempt });
    if (before.state === 'undo-idle') history.begunUndo.push(before.position);
  }
  return history;
}

/** The same with what people decide in between. */
const anyEventOrDecision: fc.Arbitrary<StandingEvent> = fc.oneof(
  { weight: 10, arbitrary: anyEvent },
  { weight: 2, arbitrary: fc.nat(8).map((position): StandingEvent => ({ event: 'again', position })) },
  { weight: 1, arbitrary: fc.constant<StandingEvent>({ event: 'resolve' }) },
);

const frontierOf = (standing: Standing): number | null => ('frontier' in standing ? standing.frontier : null);

describe('frontier: whatever happens, in whatever order', () => {
  const lives = fc.record({ events: fc.array(anyEvent, { maxLength: 80 }), length: fc.integer({ min: 1, max: 8 }) });

  it('never goes back', () => {
    fc.assert(
      fc.property(lives, ({ events, length }) => {
        const frontiers = live(events, length)
          .standings.map(frontierOf)
          .filter(value => value !== null);
        expect(frontiers).toEqual([...frontiers].sort((a, b) => a - b));
      }),
    );
  });

  it('no job starts beyond it', () => {
    fc.assert(
      fc.property(lives, ({ events, length }) => {
        for (const standing of live(events, length).standings) {
          if (standing.state === 'running') expect(standing.position).toBeLessThan(standing.frontier);
        }
      }),
    );
  });

  it('no job starts twice in one attempt, and jobs start in order', () => {
    fc.assert(
      fc.property(lives, ({ events, length }) => {
        const { begunForward } = live(events, length);
        const keys = begunForward.map(({ position, attempt }) => position * 1_000 + attempt);
        expect(new Set(keys).size).toBe(keys.length);
        expect(keys).toEqual([...keys].sort((a, b) => a - b));
      }),
    );
  });

  const decided = fc.record({
    events: fc.array(anyEventOrDecision, { maxLength: 120 }),
    length: fc.integer({ min: 1, max: 8 }),
  });

  it('no attempt is made twice and the frontier never goes back, whatever people decide', () => {
    fc.assert(
      fc.property(decided, ({ events, length }) => {
        const { begunForward, standings } = live(events, length);
        const keys = begunForward.map(({ position, attempt }) => `${position}:${attempt}`);
        expect(new Set(keys).size).toBe(keys.length);
        const frontiers = standings.map(frontierOf).filter(value => value !== null);
        expect(frontiers).toEqual([...frontiers].sort((a, b) => a - b));
      }),
    );
  });

  it('whatever people decided, an undo takes back every job that was begun, the last one first', () => {
    fc.assert(
      fc.property(decided, ({ events, length }) => {
        const { standings, begunForward } = live(events, length);
        let standing = present(standings.at(-1), 'standing');
        if (standing.state === 'running')
          standing = ended(step(standing, { event: 'halt', outcome: 'failed' }, length));
        if (isUndo(standing)) return;
        const takenBack: number[] = [];
        standing = ended(step(standing, { event: 'undo' }, length));
        while (!isOver(standing)) {
          takenBack.push(present(runnable(standing), 'position'));
          standing = ended(step(standing, { event: 'start' }, length));
          standing = ended(step(standing, { event: 'pass' }, length));
        }
        // A job that was missed and then settled by a person was never begun, and lies between others that were.
        expect(takenBack).toEqual(expect.arrayContaining([...new Set(begunForward.map(({ position }) => position))]));
        expect(takenBack).toEqual([...takenBack].sort((a, b) => b - a));
      }),
    );
  });

  it('once back, never forward again', () => {
    fc.assert(
      fc.property(lives, ({ events, length }) => {
        const undoing = live(events, length).standings.map(isUndo);
        expect(undoing.lastIndexOf(false)).toBeLessThan(undoing.includes(true) ? undoing.indexOf(true) : Infinity);
      }),
    );
  });

  it('an undo takes back every job that was begun, the last one first', () => {
    fc.assert(
      fc.property(lives, ({ events, length }) => {
        const { standings, begunForward } = live(events, length);
        const begun = [...new Set(begunForward.map(({ position }) => position))].reverse();
        let standing = present(standings.at(-1), 'standing');
        // What still runs ends first; then nothing but the undo happens.
        if (standing.state === 'running')
          standing = ended(step(standing, { event: 'halt', outcome: 'failed' }, length));
        if (isUndo(standing)) return;
        const takenBack: number[] = [];
        standing = ended(step(standing, { event: 'undo' }, length));
        while (!isOver(standing)) {
          takenBack.push(present(runnable(standing), 'position'));
          standing = ended(step(standing, { event: 'start' }, length));
          standing = ended(step(standing, { event: 'pass' }, length));
        }
        expect(takenBack).toEqual(begun);
      }),
    );
  });

  it('released in full and passed each time, it is finished after as many jobs as there are', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 50 }), length => {
        const jobs = Array.from({ length }, (): StandingEvent[] => [{ event: 'start' }, { event: 'pass' }]).flat();
        const { standings } = live([{ event: 'release', frontier: length }, ...jobs], length);
        expect(standings.at(-1)).toEqual({ state: 'finished', length });
      }),
    );
  });
});

function ended(result: ReturnType<typeof step>): Standing {
  if (!result.ok) throw new Error(result.error);
  return result.value;
}
