import type { Direction } from '@tidemark/shared/orders/job-state.ts';
import type { Order } from '@tidemark/shared/orders/order.ts';
import type { Random } from './random.ts';

/** What will happen to one server in one night. Times are milliseconds since the epoch. */
export interface HostFate {
  refuses: boolean;
  /** What its clock says beyond the true time. */
  clockOffsetMs: number;
  /** While it can neither send nor receive. */
  cutOff: readonly { from: number; to: number }[];
  diesAt: number | null;
  rebootHangsMs: number;
  /** For people: what is wrong with it; empty where nothing is. */
  troubles: readonly string[];
  outcome(job: number, direction: Direction, attempt: number): 'succeeded' | 'failed' | 'unknown';
  durationMs(job: number, direction: Direction, attempt: number, expectedMs: number): number;
}

/** What will happen to controllers, database and network in one night. */
export interface NightFate {
  controllers: number;
  /** Of controllers, by number. */
  crashes: readonly { at: number; controller: number; downMs: number }[];
  /** A process that does nothing for a while and then goes on as if nothing had been: the classic of leases. */
  stalls: readonly { at: number; controller: number; forMs: number }[];
  outages: readonly { at: number; forMs: number }[];
  /** Members of pairs that change roles by themselves. */
  failovers: readonly { at: number; pair: number }[];
  /** Of each message: that its connection breaks and it is lost, that it comes twice, that it comes late. */
  message: { lost: number; twice: number; late: number };
  /** Of each transaction: that its commit fails, or happens and nobody is told. */
  commit: { lost: number; unknown: number };
  /** After how long a person reacts, or null where nobody is there. */
  personMs: number | null;
  /** What somebody does without need. */
  whims: readonly { at: number; does: 'pause' | 'resume' | 'stop' }[];
  /** When the approval of the plan is over. */
  approvalExpiresAt: number;
}

const MINUTE = 60_000;
/** Spread of durations: with 0.3 one in ten takes half as long again as the median. */
const SPREAD = 0.3;

type Trouble =
  | 'fails-once'
  | 'fails'
  | 'unknown'
  | 'undo-fails'
  | 'refuses'
  | 'silent'
  | 'silent-for-long'
  | 'hangs'
  | 'dies'
  | 'clock';

/** How often which trouble befalls a host that has one. Most nights are failed jobs and lost connections. */
const TROUBLES: readonly Trouble[] = [
  ...Array<Trouble>(5).fill('fails-once'),
  ...Array<Trouble>(6).fill('fails'),
  ...Array<Trouble>(3).fill('silent'),
  ...Array<Trouble>(2).fill('hangs'),
  'clock',
  'silent-for-long',
  'unknown',
  'undo-fails',
  'refuses',
  'dies',
];

/** After these a server can still end patched or taken back without a person at it. */
const CURABLE: readonly Trouble[] = ['fails-once', 'fails', 'silent', 'hangs', 'clock'];

export function drawHostFate(
  random: Random,
  options: {
    /** Share of hosts that have a trouble. */
    faults: number;
    /** Only what ends well without a person at the server. */
    calm: boolean;
    order: Order | null;
    start: number;
    /** Milliseconds in which the run will probably be at work. */
    nightMs: number;
    /** How much slower than expected everything is. */
    pace: number;
    spread?: number;
  },
): HostFate {
  const { faults, start, nightMs, pace, spread = SPREAD } = options;
  const durations = random.fork('durations');
  const speed = pace * durations.factor(spread / 2);
  const factors = new Map<string, number>();
  const bad = random.chance(faults) ? random.pick(options.calm ? CURABLE : TROUBLES) : null;
  const jobs = options.order?.jobs ?? [];
  const mayFail = jobs.flatMap((job, index) => (options.calm && job.onFailure === 'hold' ? [] : [index]));
  const where = mayFail.length > 0 ? random.pick(mayFail) : -1;
  const lenient = random.int(0, 1);
  const when = start + random.int(0, nightMs);
  const cut = { silent: random.int(20_000, 20 * MINUTE), 'silent-for-long': random.int(20, 600) * MINUTE };
  const hangsMs = random.int(2, options.calm ? 10 : 30) * MINUTE;
  const offset = random.int(-4 * MINUTE, 4 * MINUTE);
  return {
    refuses: bad === 'refuses',
    clockOffsetMs: bad === 'clock' ? offset : 0,
    cutOff: bad === 'silent' || bad === 'silent-for-long' ? [{ from: when, to: when + cut[bad] }] : [],
    diesAt: bad === 'dies' ? when : null,
    rebootHangsMs: bad === 'hangs' ? hangsMs : 0,
    troubles: bad === null ? [] : [bad],
    outcome(job, direction, attempt) {
      if (direction === 'undo') return bad === 'undo-fails' && job <= where && lenient === 0 ? 'failed' : 'succeeded';
      if (job !== where) return 'succeeded';
      if (bad === 'fails' || bad === 'undo-fails') return 'failed';
      if (bad === 'unknown') return 'unknown';
      return bad === 'fails-once' && attempt === 1 ? 'failed' : 'succeeded';
    },
    durationMs(job, direction, attempt, expectedMs) {
      const key = `${direction}:${job}:${attempt}`;
      const factor = factors.get(key) ?? durations.fork(key).factor(spread);
      factors.set(key, factor);
      return Math.max(1, Math.round(expectedMs * speed * factor));
    },
  };
}

export function drawNightFate(
  random: Random,
  options: { faults: number; start: number; end: number; nightMs: number; pairs: number; calm: boolean },
): NightFate {
  const { faults, start, end, nightMs } = options;
  const within = () => start + random.int(0, nightMs);
  /** So many on average where two in a hundred things go wrong. */
  const some = (onAverage: number): null[] =>
    faults === 0 ? [] : Array(Math.floor((onAverage * faults) / 0.02 + random.unit())).fill(null);
  const controllers = faults > 0 && random.chance(0.5) ? 2 : 1;
  const any = () => random.int(0, controllers - 1);
  return {
    controllers,
    crashes: some(2).map(() => ({ at: within(), controller: any(), downMs: random.int(1_000, 3 * MINUTE) })),
    stalls: some(1).map(() => ({ at: within(), controller: any(), forMs: random.int(5_000, 2 * MINUTE) })),
    outages: some(1).map(() => ({ at: within(), forMs: random.int(500, MINUTE) })),
    failovers: options.calm ? [] : some(0.3).map(() => ({ at: within(), pair: random.int(0, options.pairs - 1) })),
    message: { lost: faults / 20, twice: faults / 4, late: faults / 8 },
    commit: { lost: faults / 40, unknown: faults / 40 },
    personMs: random.chance(0.8) || options.calm ? random.int(1, 15) * MINUTE : null,
    whims: options.calm || !random.chance(0.2) ? [] : some(1).flatMap(() => drawWhim(random, within())),
    approvalExpiresAt: faults > 0 && !options.calm && random.chance(0.1) ? within() : end + 24 * 60 * MINUTE,
  };
}

function drawWhim(random: Random, at: number): NightFate['whims'][number][] {
  if (random.chance(0.2)) return [{ at, does: 'stop' }];
  return [
    { at, does: 'pause' },
    { at: at + random.int(10_000, 10 * MINUTE), does: 'resume' },
  ];
}
