import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { present } from '@tidemark/shared/base/assert.ts';
import type { Clock } from '@tidemark/shared/base/clock.ts';
import type { Digest } from '@tidemark/shared/base/digest.ts';
import { isUndo, type Standing } from '@tidemark/shared/orders/frontier.ts';
import type { OutputSummary } from '@tidemark/shared/orders/report.ts';
import { type Call, isIdempotent, isResumed } from '@tidemark/shared/orders/step-kinds.ts';
import type { FromExecutor } from '../boundary/messages.ts';
import { isNoSpace } from '../platform/file-system.ts';
import { type Incoming, putJson, type StepInput, type StepResult, stepFile } from '../steps/directory.ts';
import { salvageOutput } from '../steps/output.ts';
import { removeRebootLogs } from '../steps/reboot-log.ts';
import { settledJobs } from './amend.ts';
import { isBroken, isFull, type Journal, type OpenStep } from './journal.ts';
import { attach, type Launcher, lastWords, prepare, type RunningChild, traces } from './launch.ts';
import { type Attempt, createLedger, type Findings } from './ledger.ts';
import { LiveOutput, type Watched } from './live-output.ts';
import type { Log } from './log.ts';
import { judge, type Next, nextOf, type StepEnd } from './next.ts';
import type { Offers } from './offers.ts';
import { recover } from './recover.ts';
import type { Reserve } from './reserve.ts';
import type { Scans } from './scans.ts';

export interface RunLoopOptions {
  stateDir: string;
  root: string;
  factsDir: string;
  offers: Offers;
  launcher: Launcher;
  graceMs: number;
  journal: Journal;
  reserve: Reserve;
  scans: Scans;
  clock: Clock;
  /** Never before the time floor. */
  now(): number;
  send(message: FromExecutor): void;
  /** The journal cannot be read or written. */
  broken(error: unknown): void;
  log: Log;
}

/** Runs what orders want done, one step at a time on the whole server. */
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
/** Timers do not see that the clock was set, or that the machine was suspended: who waits for a time looks at it again. */
const LOOK_AT_CLOCK_MS = 10_000;
/** After the disk was full, or something else went wrong that may pass. */
const TRY_AGAIN_MS = 5_000;
/**
 * A step that goes on by itself and whose process has gone is started anew after this pause: what took it (a shutdown,
 * say) may be about to take this executor too, and then the next one goes on with it.
 */
const RESUME_PAUSE_MS = 10_000;
/** As often in all, over restarts and boots: more than the ten reboots of an order, and what always breaks must come to an end. */
const MAX_RESUMES = 16;
/** Node's timers take no longer ones. */
const MAX_TIMER_MS = 2 ** 31 - 1;

type Start = Extract<Next, { next: 'start' }>;

interface Running {
  step: OpenStep;
  call: Call;
  child: RunningChild;
  watched: Watched;
  /** An artifact was asked for, since the last connection. */
  asked: boolean;
  /** When to try again to record its end, by the monotonic clock. */
  settleAt: number;
  /** Its process has gone, and it is to be started anew at `settleAt`. */
  resuming: boolean;
}

export function createRunLoop(options: RunLoopOptions): RunLoop {
  const { journal, reserve, scans, clock, log, send } = options;
  const stepsDir = join(options.stateDir, 'steps');
  const ledger = createLedger(journal, clock);
  const live = new LiveOutput(send);
  /** When the next attempt may start, by the monotonic clock. */
  const retryAt = new Map<Digest, number>();
  let running: Running | null = null;
  let recovered = false;
  let stopped = false;
  let turning: Promise<void> | null = null;
  let turnAgain = false;
  let timer: NodeJS.Timeout | null = null;
  let looker: NodeJS.Timeout | null = null;

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
        if (!recovered) await recoverAll();
        recovered = true;
        while (!stopped && !running && (await actOnce())) turnAgain = false;
      } catch (error) {
        if (endsAll(error)) {
          options.broken(error);
          return;
        }
        const full = isFull(error) || isBroken(error) || isNoSpace(error);
        log.error(
          { err: error },
          full ? 'the state directory is full: free some space; nothing new begins' : 'an order cannot go on',
        );
        wakeIn(TRY_AGAIN_MS);
      }
    }
  }

  /** Space may be freed; a disk that fails is for a person, and whoever goes on with it knows nothing for sure. */
  const endsAll = (error: unknown): boolean => isBroken(error) && !reserve.isShort();

  /** False where there is nothing to do but to wait. The oldest order comes first. */
  async function actOnce(): Promise<boolean> {
    let wait = Number.POSITIVE_INFINITY;
    for (const { digest, standing } of journal.openStandings()) {
      const next = nextFor(digest, standing);
      if (next.next === 'nothing') continue;
      if (next.next === 'wait') {
        wait = Math.min(wait, next.until - options.now(), LOOK_AT_CLOCK_MS);
        continue;
      }
      // Between two attempts at one job; the job after it does not wait.
      const backoff = next.attempt > 1 ? (retryAt.get(digest) ?? 0) - clock.monotonic() : 0;
      if (next.next === 'start' && backoff > 0) {
        wait = Math.min(wait, backoff);
        continue;
      }
      const direction = isUndo(standing) ? ('undo' as const) : ('forward' as const);
      const attempt: Attempt = { orderDigest: digest, job: next.job, direction, attempt: next.attempt };
      if (next.next === 'start') await begin(attempt, next);
      else if (next.next === 'settled') journal.write(tx => ledger.settled(tx, attempt, next.message, next.by));
      else journal.write(tx => ledger[next.next](tx, attempt, next.message));
      return true;
    }
    if (Number.isFinite(wait)) wakeIn(wait);
    return false;
  }

  const nextFor = (digest: Digest, standing: Standing): Next =>
    nextOf(ledger.orderOf(digest), standing, options.now(), settledJobs(journal.amendments(digest)));

  /** INTENT, then the child. */
  async function begin(attempt: Attempt, next: Start): Promise<void> {
    const name = nameOf(attempt);
    const input = inputOf(attempt, next.call, next.timeoutMs);
    let directory: string;
    try {
      if (!reserve.ready()) throw Object.assign(new Error('no space'), { code: 'ENOSPC' });
      directory = await prepare(stepsDir, name, input);
    } catch (error) {
      rmSync(join(stepsDir, name), { recursive: true, force: true });
      if (!isStillNext(attempt)) return;
      const message = isNoSpace(error)
        ? `no space in the agent's state directory ${options.stateDir}, so it was not started; free some and try again`
        : `could not be started: ${(error as Error).message}`;
      journal.write(tx => ledger.notBegun(tx, attempt, message));
      pauseBeforeRetry(attempt);
      return;
    }
    if (!isStillNext(attempt)) {
      rmSync(directory, { recursive: true, force: true });
      return;
    }
    let id: number;
    try {
      id = journal.write(tx => {
        ledger.started(tx, attempt);
        return tx.addStep({ ...attempt, directory: name }, clock.now());
      });
    } catch (error) {
      rmSync(directory, { recursive: true, force: true });
      throw error;
    }
    log.info({ order: attempt.orderDigest, job: ledger.jobOf(attempt).id, attempt: attempt.attempt }, 'step starts');
    run({ ...attempt, directory: name, id, resumes: 0 }, next.call, options.launcher.launch(directory, input, look));
  }

  /** While its directory was made, a message may have turned the order round, or its time may have passed. */
  function isStillNext({ orderDigest, job, direction, attempt }: Attempt): boolean {
    const standing = present(journal.order(orderDigest), 'the order of a step that begins').standing;
    const next = nextFor(orderDigest, standing);
    return next.next === 'start' && next.job === job && next.direction === direction && next.attempt === attempt;
  }

  const pauseBeforeRetry = (attempt: Attempt) =>
    retryAt.set(attempt.orderDigest, clock.monotonic() + ledger.jobOf(attempt).retries.backoffMs);

  function inputOf({ orderDigest, job, direction, attempt }: Attempt, call: Call, timeoutMs: number): StepInput {
    const { root, stateDir, factsDir, graceMs } = options;
    const number = attempt;
    return {
      work: 'call',
      call,
      attempt: { order: orderDigest, job, direction, number },
      root,
      stateDir,
      factsDir,
      timeoutMs,
      graceMs,
    };
  }

  function run(step: OpenStep, call: Call, child: RunningChild): void {
    const watched = { ...step, directory: child.directory, shown: 0 };
    running = { step, call, child, watched, asked: false, settleAt: 0, resuming: false };
    looker = setInterval(look, LOOK_MS);
  }

  function look(): void {
    if (!running || stopped) return;
    live.show(running.watched);
    askForArtifact(running);
    if (!running.child.look() || clock.monotonic() < running.settleAt) return;
    try {
      if (running.resuming) {
        resume(running);
        return;
      }
      if (settle(running.step, running.call, 'seen') === 'resumes') {
        running.resuming = true;
        running.settleAt = clock.monotonic() + RESUME_PAUSE_MS;
        return;
      }
    } catch (error) {
      if (endsAll(error)) {
        options.broken(error);
        return;
      }
      // The result lies in the step's directory: it is recorded when there is room, or after a restart.
      log.error({ err: error }, 'a result could not be recorded yet');
      running.settleAt = clock.monotonic() + TRY_AGAIN_MS;
      return;
    }
    rest();
    turn();
  }

  function rest(): void {
    running = null;
    if (looker) clearInterval(looker);
  }

  function resume({ step, call }: Running): void {
    rest();
    startAgain(step, call, step.resumes + 1).catch((error: unknown) => {
      // It is still open in the journal: as after a restart, it is found there and taken up again.
      log.error({ err: error }, 'a step could not be started anew yet');
      recovered = false;
      wakeIn(TRY_AGAIN_MS);
    });
  }

  function askForArtifact(now: Running): void {
    if (now.asked || now.call.kind !== 'artifact/stage' || !existsSync(stepFile.wanted(now.child.directory))) return;
    now.asked = true;
    const { digest, name, bytes } = now.call.args;
    send({ type: 'artifact-wanted', digest, name, bytes });
  }

  /**
   * RESULT: from what the child left. `found`: by an executor that did not see it end.
   */
  function settle(step: OpenStep, call: Call, how: 'seen' | 'found'): 'recorded' | 'running' | 'not-begun' | 'resumes' {
    const directory = join(stepsDir, step.directory);
    const left = traces(directory);
    const resumes = isResumed(call.kind) && step.resumes < MAX_RESUMES;
    const decided = recover({ ...left, idempotent: isIdempotent(call.kind), resumes });
    if (decided.decision === 'adopt' && decided.how === 'running') return 'running';
    if (decided.decision === 'rerun' && how === 'found') return 'not-begun';
    if (decided.decision === 'resume') return 'resumes';
    if (decided.decision === 'adopt' && left.result) {
      record(step, call, judge(call, left.result), { facts: left.result.facts, output: outputOf(left.result) });
    } else {
      const words = lastWords(directory);
      const message = 'message' in decided ? decided.message : 'its process ended before it began';
      const outcome = decided.decision === 'unknown' ? 'unknown' : 'failed';
      const end: StepEnd = { outcome, message: words ? `${message} (${words})` : message };
      record(step, call, end, { facts: null, output: salvageOutput(directory) });
    }
    rmSync(directory, { recursive: true, force: true });
    return 'recorded';
  }

  function record(step: OpenStep, call: Call, end: StepEnd, findings: Findings): void {
    const scan = call.kind === 'scan/run' ? findings.facts?.['scan'] : undefined;
    if (typeof scan === 'string') scans.add(scan, { request: '', orderDigest: step.orderDigest });
    journal.write(tx => {
      tx.endStep(step.id, end.outcome, clock.now());
      ledger.ended(tx, step, end, findings);
    });
    pauseBeforeRetry(step);
    const { orderDigest, attempt } = step;
    log.info({ order: orderDigest, job: ledger.jobOf(step).id, attempt, outcome: end.outcome }, 'step ended');
    for (const ready of scans.waiting()) if (ready.scan === scan) send(ready);
    // An agent that starts anew sends facts in any case, and the link keeps the latest while it has no connection.
    if (call.kind === 'inventory/run' && end.outcome === 'succeeded') options.offers.offer('');
  }

  /** May be done again after it failed half way. */
  async function recoverAll(): Promise<void> {
    mkdirSync(stepsDir, { recursive: true, mode: 0o700 });
    for (const step of journal.openSteps()) {
      if (running) break;
      const job = ledger.jobOf(step);
      const call = present(step.direction === 'undo' ? job.undo : job.call, 'call');
      const found = settle(step, call, 'found');
      log.info({ order: step.orderDigest, job: job.id, attempt: step.attempt, found }, 'step found after a restart');
      if (found === 'running')
        run(step, call, attach(join(stepsDir, step.directory), inputOf(step, call, job.timeoutMs)));
      if (found === 'not-begun' && missed(step)) continue;
      if (found === 'not-begun') await startAgain(step, call, step.resumes);
      if (found === 'resumes') await startAgain(step, call, step.resumes + 1);
    }
    for (const { digest, standing } of journal.openStandings()) {
      if (!('attempt' in standing) || standing.attempt === 1) continue;
      // How much of the pause was over nobody knows: once more all of it.
      const job = ledger.orderOf(digest).jobs[standing.position];
      retryAt.set(digest, clock.monotonic() + (job?.retries.backoffMs ?? 0));
    }
    const open = new Set(journal.openSteps().map(step => step.directory));
    for (const name of readdirSync(stepsDir))
      if (!open.has(name)) rmSync(join(stepsDir, name), { recursive: true, force: true });
    removeRebootLogs(
      options.stateDir,
      journal.openStandings().map(({ digest }) => digest),
    );
    if (!running) scans.removeUnfinished();
  }

  /** What had not begun may be too late by now; that is recorded. */
  function missed(step: OpenStep): boolean {
    const job = ledger.jobOf(step);
    if (step.direction !== 'forward' || options.now() <= job.notAfter) return false;
    const until = new Date(job.notAfter).toISOString();
    journal.write(tx => {
      tx.endStep(step.id, 'missed', clock.now());
      ledger.missed(tx, step, `it had not begun when the agent ended, and may not start after ${until}`);
    });
    return true;
  }

  /** The INTENT stands: in another directory, since the old one is claimed. */
  async function startAgain(step: OpenStep, call: Call, resumes: number): Promise<void> {
    const job = ledger.jobOf(step);
    const name = nameOf(step);
    const input = inputOf(step, call, job.timeoutMs);
    const directory = await prepare(stepsDir, name, input);
    const moved = { directory: name, resumes };
    journal.write(tx => tx.moveStep(step.id, moved));
    run({ ...step, ...moved }, call, options.launcher.launch(directory, input, look));
  }

  return {
    async start() {
      turn();
      await turning;
    },
    turn,
    connected() {
      if (running) running.asked = false;
    },
    grantOutput: bytes => live.grant(bytes),
    incoming(digest, incoming) {
      if (running?.call.kind === 'artifact/stage' && running.call.args.digest === digest)
        putJson(stepFile.incoming(running.child.directory), incoming);
    },
    async stop() {
      stopped = true;
      if (timer) clearTimeout(timer);
      await turning;
      // Last: what was beginning when this was called has a timer too.
      if (looker) clearInterval(looker);
    },
  };
}

const nameOf = ({ job, direction, attempt }: Attempt): string =>
  `${job}-${direction}-${attempt}-${randomBytes(4).toString('hex')}`;

function outputOf({ output }: StepResult): OutputSummary | null {
  if (!output) return null;
  const bytes = (text: string) => Buffer.from(text, 'base64');
  return { size: output.size, digest: bytes(output.digest), head: bytes(output.head), tail: bytes(output.tail) };
}
