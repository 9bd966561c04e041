import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { assert, present } from '@tidemark/shared/base/assert.ts';
import type { Clock } from '@tidemark/shared/base/clock.ts';
import type { Digest } from '@tidemark/shared/base/digest.ts';
import {
  isOver,
  isUndo,
  step as moveStanding,
  type Standing,
  type StandingEvent,
} from '@tidemark/shared/orders/frontier.ts';
import type { Direction } from '@tidemark/shared/orders/job-state.ts';
import { decodeOrder, type Job, type Order } from '@tidemark/shared/orders/order.ts';
import { type Call, isIdempotent } from '@tidemark/shared/orders/step-kinds.ts';
import type { FromExecutor, OutputSummary } from '../boundary/messages.ts';
import { type Incoming, putJson, type StepInput, type StepResult, stepFile } from '../steps/directory.ts';
import { salvageOutput } from '../steps/output.ts';
import { isFull, type Journal, type JournalWriter, type OpenStep } from './journal.ts';
import { attach, lastWords, launch, prepare, type RunningChild, traces } from './launch.ts';
import { LiveOutput, type Watched } from './live-output.ts';
import { eventAfter, judge, type Next, nextOf, type StepEnd } from './next.ts';
import { recover } from './recover.ts';
import type { Reserve } from './reserve.ts';
import type { Scans } from './scans.ts';

/** As much of a logger as the executor needs; pino's fits. */
export interface Log {
  info(fields: object, text: string): void;
  warn(fields: object, text: string): void;
  error(fields: object, text: string): void;
}

export interface RunLoopOptions {
  stateDir: string;
  root: string;
  /** How this program is started: `node`, `agent/main.ts`. */
  command: readonly [string, ...string[]];
  graceMs: number;
  journal: Journal;
  reserve: Reserve;
  scans: Scans;
  clock: Clock;
  /** Never before the time floor. */
  now(): number;
  send(message: FromExecutor): void;
  log: Log;
}

export interface RunLoop {
  /** Finds out what became of the steps that were running, then goes on. */
  start(): Promise<void>;
  /** Looks what is to be done; to be called after everything that may have changed it. */
  turn(): void;
  connected(): void;
  grantOutput(bytes: number): void;
  incoming(digest: Digest, incoming: Incoming): void;
  /** What runs goes on by itself; nothing new begins. */
  stop(): Promise<void>;
}

/** How often a running step is looked at: its output, its wishes, its time. */
const LOOK_MS = 200;
/** After the disk was full, or something else went wrong that may pass. */
const TRY_AGAIN_MS = 5_000;
/** Node's timers take no longer ones. */
const MAX_TIMER_MS = 2 ** 31 - 1;

interface Running {
  step: OpenStep;
  job: Job;
  call: Call;
  child: RunningChild;
  watched: Watched;
  /** An artifact was asked for, since the last connection. */
  asked: boolean;
}

export function createRunLoop(options: RunLoopOptions): RunLoop {
  const { journal, reserve, scans, clock, log, send } = options;
  const stepsDir = join(options.stateDir, 'steps');
  const live = new LiveOutput(send);
  const orders = new Map<Digest, Order>();
  /** When the next attempt may start, by the monotonic clock. */
  const retryAt = new Map<Digest, number>();
  let running: Running | null = null;
  let stopped = false;
  let turning: Promise<void> | null = null;
  let turnAgain = false;
  let timer: NodeJS.Timeout | null = null;
  let looker: NodeJS.Timeout | null = null;

  const orderOf = (digest: Digest): Order => {
    const known = orders.get(digest);
    if (known) return known;
    const decoded = decodeOrder(present(journal.order(digest), 'the order of a step').bytes);
    assert(decoded.ok, 'an order that was accepted can be read');
    orders.set(digest, decoded.value);
    return decoded.value;
  };

  const wakeIn = (milliseconds: number) => {
    if (stopped) return;
    if (timer) clearTimeout(timer);
    timer = setTimeout(turn, Math.min(Math.max(1, milliseconds), MAX_TIMER_MS));
  };

  function turn(): void {
    turnAgain = true;
    turning ??= turns().finally(() => {
      turning = null;
    });
  }

  /** One thing after the other, until nothing more is to be done now. */
  async function turns(): Promise<void> {
    while (turnAgain && !stopped) {
      turnAgain = false;
      try {
        while (!stopped && !running && (await actOnce())) turnAgain = false;
      } catch (error) {
        const text = isFull(error) ? 'the state directory is full, nothing new begins' : 'an order could not go on';
        log.error({ err: error }, text);
        wakeIn(TRY_AGAIN_MS);
      }
    }
  }

  /** False where there is nothing to do but to wait. The oldest order comes first. */
  async function actOnce(): Promise<boolean> {
    let wait = Number.POSITIVE_INFINITY;
    for (const { digest, standing } of journal.openStandings()) {
      const order = orderOf(digest);
      const next = nextOf(order, standing, options.now());
      if (next.next === 'nothing') continue;
      // Between two attempts at one job; the job after it does not wait.
      const again = next.next === 'start' && next.attempt > 1;
      const backoff = again ? (retryAt.get(digest) ?? 0) - clock.monotonic() : 0;
      if (next.next === 'wait') wait = Math.min(wait, next.until - options.now());
      else if (next.next === 'start' && backoff > 0) wait = Math.min(wait, backoff);
      else {
        if (next.next === 'start') await begin(digest, order, next);
        else conclude(digest, standing, order, next);
        return true;
      }
    }
    if (Number.isFinite(wait)) wakeIn(wait);
    return false;
  }

  /** INTENT, then the child. */
  async function begin(digest: Digest, order: Order, next: Extract<Next, { next: 'start' }>): Promise<void> {
    const job = present(order.jobs[next.job], 'job');
    const { direction, attempt, call } = next;
    const name = `${next.job}-${direction}-${attempt}-${randomBytes(4).toString('hex')}`;
    const input = inputOf(next);
    let directory: string;
    try {
      if (!reserve.ready()) throw Object.assign(new Error('no space'), { code: 'ENOSPC' });
      directory = await prepare(stepsDir, name, input);
    } catch (error) {
      rmSync(join(stepsDir, name), { recursive: true, force: true });
      notBegun(digest, job, next, error as NodeJS.ErrnoException);
      return;
    }
    const about = { orderDigest: digest, job: next.job, direction, attempt, directory: name };
    let id: number;
    try {
      id = journal.write(tx => {
        move(tx, digest, order, { event: 'start' });
        tx.report(jobReport(about, 'started', '', null, null), clock.now());
        return tx.addStep(about, clock.now());
      });
    } catch (error) {
      rmSync(directory, { recursive: true, force: true });
      throw error;
    }
    log.info({ order: digest, job: job.id, direction, attempt }, 'step starts');
    run({ ...about, id }, job, call, launch(options.command, directory, input, look));
  }

  /** An attempt that did not come to its first process: there is nothing to find out about it. */
  function notBegun(
    digest: Digest,
    job: Job,
    next: Extract<Next, { next: 'start' }>,
    error: NodeJS.ErrnoException,
  ): void {
    const message =
      error.code === 'ENOSPC'
        ? `no space in the agent's state directory ${options.stateDir}, so it was not started; free some and try again`
        : `could not be started: ${error.message}`;
    const about = { orderDigest: digest, job: next.job, direction: next.direction, attempt: next.attempt };
    journal.write(tx => {
      move(tx, digest, orderOf(digest), { event: 'start' });
      ended(tx, about, job, { outcome: 'failed', message }, null, null);
    });
    retryAt.set(digest, clock.monotonic() + job.retries.backoffMs);
  }

  function inputOf({ call, timeoutMs }: { call: Call; timeoutMs: number }): StepInput {
    const { root, stateDir, graceMs } = options;
    return { work: 'call', call, root, stateDir, timeoutMs, graceMs };
  }

  function run(step: OpenStep, job: Job, call: Call, child: RunningChild): void {
    const watched = { ...step, directory: child.directory, shown: 0 };
    running = { step, job, call, child, watched, asked: false };
    looker = setInterval(look, LOOK_MS);
  }

  function look(): void {
    if (!running || stopped) return;
    live.show(running.watched);
    askForArtifact(running);
    if (!running.child.look()) return;
    const over = running;
    try {
      settle(over.step, over.job, over.call, 'seen');
    } catch (error) {
      // The result lies in the step's directory: it is recorded when there is room, or after a restart.
      log.error({ err: error }, 'a result could not be recorded yet');
      return;
    }
    running = null;
    if (looker) clearInterval(looker);
    turn();
  }

  function askForArtifact(now: Running): void {
    if (now.asked || now.call.kind !== 'artifact/stage' || !existsSync(stepFile.wanted(now.child.directory))) return;
    now.asked = true;
    const { digest, name, bytes } = now.call.args;
    send({ type: 'artifact-wanted', digest, name, bytes });
  }

  /** RESULT: from what the child left. `found`: by an executor that did not see it end. */
  function settle(step: OpenStep, job: Job, call: Call, how: 'seen' | 'found'): Recovered {
    const directory = join(stepsDir, step.directory);
    const left = traces(directory);
    const decided = recover({ ...left, idempotent: isIdempotent(call.kind) });
    if (decided.decision === 'adopt' && decided.how === 'running') return 'running';
    if (decided.decision === 'rerun' && how === 'found') return 'not-begun';
    if (decided.decision === 'adopt' && left.result) {
      record(step, job, judge(call, left.result), left.result.facts, outputOf(left.result));
    } else {
      const words = lastWords(directory);
      const message = 'message' in decided ? decided.message : 'its process ended before it began';
      const outcome = decided.decision === 'unknown' ? 'unknown' : 'failed';
      record(
        step,
        job,
        { outcome, message: words ? `${message} (${words})` : message },
        null,
        salvageOutput(directory),
      );
    }
    rmSync(directory, { recursive: true, force: true });
    return 'recorded';
  }

  function record(
    step: OpenStep,
    job: Job,
    end: StepEnd,
    facts: Record<string, unknown> | null,
    output: OutputSummary | null,
  ): void {
    const scan = facts?.['scan'];
    if (job.call.kind === 'scan/run' && typeof scan === 'string')
      scans.add(scan, { request: '', orderDigest: step.orderDigest });
    journal.write(tx => {
      tx.endStep(step.id, end.outcome, clock.now());
      ended(tx, step, job, end, facts, output);
    });
    retryAt.set(step.orderDigest, clock.monotonic() + job.retries.backoffMs);
    log.info({ order: step.orderDigest, job: job.id, attempt: step.attempt, outcome: end.outcome }, 'step ended');
    for (const ready of scans.waiting()) if (ready.scan === scan) send(ready);
  }

  function ended(
    tx: JournalWriter,
    about: About,
    job: Job,
    end: StepEnd,
    facts: Record<string, unknown> | null,
    output: OutputSummary | null,
  ): void {
    tx.report(jobReport(about, end.outcome, end.message, facts, output), clock.now());
    const event = eventAfter(job, about.direction, about.attempt, end);
    move(tx, about.orderDigest, orderOf(about.orderDigest), event);
  }

  /** Missed, or an undo with nothing to do: ends without a process. */
  function conclude(
    digest: Digest,
    standing: Standing,
    order: Order,
    next: Extract<Next, { next: 'missed' | 'skip' }>,
  ): void {
    const direction: Direction = isUndo(standing) ? 'undo' : 'forward';
    const about = { orderDigest: digest, job: next.job, direction, attempt: next.attempt };
    journal.write(tx => {
      if (next.next === 'missed') {
        tx.raiseTimeFloor(present(order.jobs[next.job], 'job').notAfter + 1);
        tx.report(jobReport(about, 'missed', next.message, null, null), clock.now());
        move(tx, digest, order, { event: 'halt', outcome: 'missed' });
      } else {
        tx.report(jobReport(about, 'skipped', next.message, null, null), clock.now());
        move(tx, digest, order, { event: 'start' });
        move(tx, digest, order, { event: 'pass' });
      }
    });
  }

  /** Moves an order on, and says so when that was its end. */
  function move(tx: JournalWriter, digest: Digest, order: Order, event: StandingEvent): void {
    const { standing } = present(journal.order(digest), 'the order that moves');
    const moved = moveStanding(standing, event, order.jobs.length);
    assert(moved.ok, moved.ok ? '' : moved.error);
    tx.setStanding(digest, moved.value);
    if (!isOver(moved.value)) return;
    const direction: Direction = isUndo(moved.value) ? 'undo' : 'forward';
    tx.report({ type: 'order-finished', orderDigest: digest, direction }, clock.now());
  }

  async function recoverAll(): Promise<void> {
    for (const step of journal.openSteps()) {
      const job = present(orderOf(step.orderDigest).jobs[step.job], 'job');
      const call = present(step.direction === 'undo' ? job.undo : job.call, 'call');
      const found = settle(step, job, call, 'found');
      log.info({ order: step.orderDigest, job: job.id, attempt: step.attempt, found }, 'step found after a restart');
      const input = inputOf({ call, timeoutMs: job.timeoutMs });
      if (found === 'running') run(step, job, call, attach(join(stepsDir, step.directory), input));
      if (found === 'not-begun') await startAgain(step, job, call, input);
    }
    for (const { digest, standing } of journal.openStandings()) {
      if (!('attempt' in standing) || standing.attempt === 1) continue;
      // How much of the pause was over nobody knows: once more all of it.
      const job = orderOf(digest).jobs[standing.position];
      retryAt.set(digest, clock.monotonic() + (job?.retries.backoffMs ?? 0));
    }
    const open = new Set(journal.openSteps().map(step => step.directory));
    for (const name of readdirSync(stepsDir))
      if (!open.has(name)) rmSync(join(stepsDir, name), { recursive: true, force: true });
    if (!running) scans.removeUnfinished();
  }

  /** The INTENT stands, and nothing had begun: in another directory, since the old one is claimed. */
  async function startAgain(step: OpenStep, job: Job, call: Call, input: StepInput): Promise<void> {
    const late = step.direction === 'forward' && options.now() > job.notAfter;
    if (late) {
      const message = `it had not begun when the agent ended, and may not start after ${new Date(job.notAfter).toISOString()}`;
      journal.write(tx => {
        tx.endStep(step.id, 'missed', clock.now());
        tx.raiseTimeFloor(job.notAfter + 1);
        tx.report(jobReport(step, 'missed', message, null, null), clock.now());
        move(tx, step.orderDigest, orderOf(step.orderDigest), { event: 'halt', outcome: 'missed' });
      });
      return;
    }
    const name = `${step.job}-${step.direction}-${step.attempt}-${randomBytes(4).toString('hex')}`;
    const directory = await prepare(stepsDir, name, input);
    journal.write(tx => tx.moveStep(step.id, name));
    run({ ...step, directory: name }, job, call, launch(options.command, directory, input, look));
  }

  return {
    async start() {
      mkdirSync(stepsDir, { recursive: true, mode: 0o700 });
      await recoverAll();
      turn();
    },
    turn,
    connected() {
      if (running) running.asked = false;
    },
    grantOutput(bytes) {
      live.grant(bytes);
    },
    incoming(digest, incoming) {
      if (running?.call.kind === 'artifact/stage' && running.call.args.digest === digest)
        putJson(stepFile.incoming(running.child.directory), incoming);
    },
    async stop() {
      stopped = true;
      if (timer) clearTimeout(timer);
      if (looker) clearInterval(looker);
      await turning;
    },
  };
}

type Recovered = 'recorded' | 'running' | 'not-begun';
type About = Pick<OpenStep, 'orderDigest' | 'job' | 'direction' | 'attempt'>;

const jobReport = (
  { orderDigest, job, direction, attempt }: About,
  kind: 'started' | 'succeeded' | 'failed' | 'unknown' | 'missed' | 'skipped',
  message: string,
  facts: Record<string, unknown> | null,
  output: OutputSummary | null,
) => ({ type: 'job' as const, orderDigest, job, direction, attempt, kind, message, facts, output });

function outputOf({ output }: StepResult): OutputSummary | null {
  if (!output) return null;
  const bytes = (text: string) => Buffer.from(text, 'base64');
  return { size: output.size, digest: bytes(output.digest), head: bytes(output.head), tail: bytes(output.tail) };
}
