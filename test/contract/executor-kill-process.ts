import { createPrivateKey } from 'node:crypto';
import { appendFileSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { FromExecutor, ToExecutor } from '@tidemark/agent/boundary/messages.ts';
import { createExecutor } from '@tidemark/agent/executor/executor.ts';
import { type Journal, type JournalWriter, openJournal } from '@tidemark/agent/executor/journal.ts';
import { createSessionLauncher, type Launcher } from '@tidemark/agent/executor/launch.ts';
import { createUnitLauncher } from '@tidemark/agent/executor/launch-unit.ts';
import { createReserve, type Reserve } from '@tidemark/agent/executor/reserve.ts';
import { systemClock } from '@tidemark/shared/base/clock.ts';
import type { Digest } from '@tidemark/shared/base/digest.ts';
import { isUndo, runnable, type Standing, type StandingEvent } from '@tidemark/shared/orders/frontier.ts';
import { stepKinds } from '@tidemark/shared/orders/step-kinds.ts';
import { signDispatch } from '@tidemark/shared/signing/dispatch.ts';
import { encodeEnvelope } from '@tidemark/shared/signing/dsse.ts';
import type { TrustRoot } from '@tidemark/shared/signing/trust-root.ts';
import { type Cause, type Edge, keyOf, type Moment } from './executor-kill-cells.ts';

/*
 * `node executor-kill-process.mjs SETUP.json`: the executor as the agent wires it, with a link that is in this same
 * process and leads an order from transition to transition, and around journal, launcher and children thin layers that
 * end the process at one exact moment. Nothing of the executor knows of it.
 */

export interface KillSetup {
  stateDir: string;
  root: string;
  hostId: string;
  trustRoot: TrustRoot;
  /** Base64, raw Ed25519. */
  dispatchKey: string;
  /** PEM: this process is the controller too. */
  controllerKey: string;
  command: [string, ...string[]];
  launcher: 'session' | { systemd: number };
  graceMs: number;
  order: {
    digest: Digest;
    bytes: string;
    proof: { leafIndex: number; leafCount: number; path: string[] };
    approval: string;
  };
  /** After it the order's jobs are too late. */
  lateMs: number;
  /** Report by report, a line of JSON each, on the disk as soon as it is sent. */
  sent: string;
  /** Where to go, from state to state; then `end`. */
  path: Edge[];
  /** `stop`: at the last state of the path. `go on`: to where nothing more can happen, everything going well. */
  end: 'stop' | 'go on';
  kill: { edge: Edge; moment: Moment } | 'first write' | null;
}

/** Files in the server's root: which behaviour the attempt has that waits for it. */
export const behaviourFile = (root: string, key: string): string => join(root, 'do', key);

const setup = JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8')) as KillSetup;
const { digest } = setup.order;
const LOOK_MS = 25;

let late = false;
const clock = { ...systemClock, now: () => systemClock.now() + (late ? setup.lateMs : 0) };
let roomy = true;

function die(): never {
  process.kill(process.pid, 'SIGKILL');
  // The signal is there before the call returns.
  throw new Error('still here');
}

// -- what leads -------------------------------------------------------------------------------------------------------

/** Which way out of a state: of the path, each once in the life of this process. */
const ways = new Map(setup.path.map(edge => [keyOf(edge.from), edge]));
const target = setup.kill !== null && setup.kill !== 'first write' ? setup.kill : null;

function wayFrom(standing: Standing): { event: StandingEvent; cause: Cause } | null {
  const edge = ways.get(keyOf(standing));
  if (edge) return { event: edge.events.at(-1) as StandingEvent, cause: edge.cause };
  if (setup.end === 'stop') return null;
  switch (standing.state) {
    case 'idle':
      return runnable(standing) === null
        ? { event: { event: 'release', frontier: 2 }, cause: 'told' }
        : { event: { event: 'start' }, cause: 'free' };
    case 'undo-idle':
      return { event: { event: 'start' }, cause: 'free' };
    case 'halted':
      return { event: { event: 'undo' }, cause: 'told' };
    case 'running':
    case 'undo-running':
      return { event: { event: 'pass' }, cause: 'succeeds' };
    default:
      return null;
  }
}

/** Prepares what the next step of the way needs; in the same breath in which the state was reached. */
function lead(journal: Journal): void {
  const standing = journal.order(digest)?.standing;
  if (!standing) return;
  const way = wayFrom(standing);
  late = way?.cause === 'late' || (setup.end === 'go on' && journal.timeFloor() > systemClock.now());
  roomy = way?.cause !== 'no room';
  if (way?.cause === 'told') queueMicrotask(() => tell(journal, standing));
  if ((standing.state === 'running' || standing.state === 'undo-running') && way) behave(standing, way);
}

/** A dispatch; it comes in wherever the executor has got to in the meantime. */
function tell(journal: Journal, standing: Standing): void {
  if (keyOf(journal.order(digest)?.standing ?? standing) !== keyOf(standing)) return;
  const way = wayFrom(standing);
  if (way?.cause !== 'told') return;
  // Once: what changes nothing would be said for ever.
  ways.delete(keyOf(standing));
  const { event } = way;
  const issuedAt = Math.max(clock.now(), journal.timeFloor());
  const envelope = signDispatch(
    {
      format: 'tidemark/dispatch/v1',
      host: setup.hostId,
      order: digest,
      direction: event.event === 'undo' ? 'undo' : 'forward',
      frontier: event.event === 'release' ? event.frontier : 0,
      epoch: 1,
      sequence: journal.mark().sequence + 1,
      issuedAt,
      expiresAt: issuedAt + 60_000,
    },
    createPrivateKey(setup.controllerKey),
  );
  receive({ type: 'dispatch', envelope: encodeEnvelope(envelope) });
}

function behave(
  standing: Extract<Standing, { state: 'running' | 'undo-running' }>,
  { event, cause }: { event: StandingEvent; cause: Cause },
) {
  if (cause === 'told') return;
  const key = keyOfAttempt(standing);
  // Killed at its work: it must not get further.
  if (target?.moment.startsWith('child at work') && keyOf(target.edge.to) === keyOf(standing)) return;
  const how = cause === 'hangs' ? 'hang' : event.event === 'pass' && cause === 'succeeds' ? 'pass' : 'fail';
  const file = behaviourFile(setup.root, key);
  mkdirSync(join(setup.root, 'do'), { recursive: true });
  if (!existsSync(file)) writeFileSync(file, how);
}

const keyOfAttempt = (standing: Extract<Standing, { state: 'running' | 'undo-running' }>): string =>
  `${isUndo(standing) ? 'undo' : 'do'}-${standing.position}.${standing.attempt}`;

// -- what kills -------------------------------------------------------------------------------------------------------

/** The transition that a write was, if it is the one that is looked for. */
function isTarget(before: Standing | undefined, now: Standing | undefined, told: boolean): boolean {
  if (!target || !before || !now) return false;
  const { from, to, cause } = target.edge;
  return keyOf(before) === keyOf(from) && keyOf(now) === keyOf(to) && told === (cause === 'told');
}

const killing = (moment: Moment): boolean => target?.moment === moment;

let reached = false;
/** The report of the transition; it is acknowledged alone. */
let acknowledging: number | null = null;

function watchedJournal(inner: Journal): Journal {
  return {
    ...inner,
    write(work) {
      const before = inner.order(digest)?.standing;
      const markBefore = inner.mark().sequence;
      let hit = false;
      let acknowledged = 0;
      const value = inner.write(tx => {
        const writer: JournalWriter = {
          ...tx,
          acknowledge: sequence => {
            acknowledged = sequence;
            tx.acknowledge(sequence);
          },
        };
        const done = work(writer);
        hit = isTarget(before, inner.order(digest)?.standing, inner.mark().sequence !== markBefore);
        if (setup.kill === 'first write' || (hit && killing('not written'))) die();
        if (acknowledging !== null && acknowledged >= acknowledging && killing('acknowledgement not written')) die();
        holdReports = hit && killing('written');
        return done;
      });
      holdReports = false;
      if (hit && (killing('written') || killing('reported'))) die();
      if (acknowledging !== null && acknowledged >= acknowledging && killing('acknowledged')) die();
      if (hit) {
        reached = true;
        // Where it goes on, the transition is behind.
        ways.delete(keyOf(before as Standing));
        if (target?.moment.startsWith('acknowledge')) {
          acknowledging = inner.lastSequence();
          const sequence = acknowledging;
          queueMicrotask(() => receive({ type: 'acknowledge', sequence }));
        }
      }
      lead(inner);
      return value;
    },
  };
}

/** Between the commit and the first report nothing may get out. */
let holdReports = false;

function watchedLauncher(inner: Launcher, journal: () => Journal): Launcher {
  return {
    name: inner.name,
    launch(directory, input, onEnd) {
      const standing = journal().order(digest)?.standing;
      const atTarget = target !== null && standing !== undefined && keyOf(standing) === keyOf(target.edge.to);
      const child = inner.launch(directory, input, onEnd);
      if (atTarget && killing('child launched')) die();
      return {
        directory,
        look() {
          const over = child.look();
          const now = journal().order(digest)?.standing;
          if (over && target && now && keyOf(now) === keyOf(target.edge.from) && killing('child ended')) die();
          return over;
        },
      };
    },
  };
}

/** At work: its program has left its mark and waits for what it is to do. */
function dieAtWork(journal: Journal): void {
  if (!target?.moment.startsWith('child at work')) return;
  const standing = journal.order(digest)?.standing;
  const place = target.edge.cause === 'free' ? target.edge.to : target.edge.from;
  if (!standing || keyOf(standing) !== keyOf(place)) return;
  if (standing.state !== 'running' && standing.state !== 'undo-running') return;
  const marks = join(setup.root, 'marks');
  if (!existsSync(marks) || !readFileSync(marks, 'utf8').split('\n').includes(keyOfAttempt(standing))) return;
  if (killing('child at work, and killed too')) killSteps();
  die();
}

function killSteps(): void {
  const steps = join(setup.stateDir, 'steps');
  for (const name of readdirSync(steps)) {
    const started = JSON.parse(readFileSync(join(steps, name, 'started.json'), 'utf8')) as {
      process: { pid: number };
      unit: { controlGroup: string } | null;
    };
    if (started.unit === null) process.kill(-started.process.pid, 'SIGKILL');
    else
      for (const pid of readFileSync(`/sys/fs/cgroup${started.unit.controlGroup}/cgroup.procs`, 'utf8')
        .trim()
        .split('\n'))
        process.kill(Number(pid), 'SIGKILL');
  }
}

// -- wiring -----------------------------------------------------------------------------------------------------------

let opened: Journal | null = null;
const theJournal = (): Journal => opened as Journal;
const reserve = createReserve(setup.stateDir);
const lackingReserve: Reserve = { ...reserve, ready: () => roomy && reserve.ready() };

const launcher =
  setup.launcher === 'session'
    ? createSessionLauncher(setup.command)
    : createUnitLauncher(setup.command, setup.launcher.systemd);

const executor = createExecutor({
  stateDir: setup.stateDir,
  root: setup.root,
  hostId: setup.hostId,
  trustRoot: setup.trustRoot,
  dispatchKey: Buffer.from(setup.dispatchKey, 'base64'),
  // The launcher has the agent's. This is for facts, which are collected at every start, beside the order and for as long.
  command: ['/bin/false'],
  graceMs: setup.graceMs,
  factsDir: join(setup.root, 'facts.d'),
  policy: { kinds: stepKinds, programs: ['/**'], paths: ['/**'] },
  clock,
  log: { info: () => undefined, warn: () => undefined, error: (fields, text) => console.error(text, fields) },
  onBroken: message => {
    throw new Error(message);
  },
  reserve: lackingReserve,
  launcher: watchedLauncher(launcher, theJournal),
  openJournal: options => {
    const inner = openJournal({
      ...options,
      onReport: report => {
        if (!holdReports) options.onReport(report);
      },
    });
    opened = inner;
    return watchedJournal(inner);
  },
  send: (message: FromExecutor) => {
    if (message.type === 'report') appendFileSync(setup.sent, `${JSON.stringify(message.report)}\n`);
  },
});

function receive(message: ToExecutor): void {
  executor.receive(message);
}

await executor.start();
// What was not heard is said again. Not in a process that is to be killed: what it says, it says as it happens.
if (setup.kill === null && setup.end === 'go on') receive({ type: 'connected', acknowledged: 0, known: null });
if (theJournal().order(digest) === null) {
  const { bytes, proof, approval } = setup.order;
  const binary = (text: string) => Buffer.from(text, 'base64');
  receive({
    type: 'order-offer',
    order: binary(bytes),
    proof: { ...proof, path: proof.path.map(binary) },
    approvals: [binary(approval)],
  });
}
lead(theJournal());
setInterval(() => {
  const journal = theJournal();
  dieAtWork(journal);
  const standing = journal.order(digest)?.standing;
  if (!standing) return;
  if (wayFrom(standing) !== null || journal.openSteps().length > 0) return;
  if (target !== null && target.moment !== 'alive') return;
  if (target !== null && !reached) return;
  void executor.stop().then(() => process.exit(0));
}, LOOK_MS);
