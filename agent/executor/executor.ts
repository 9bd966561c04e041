import { mkdirSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { unreachable } from '@tidemark/shared/base/assert.ts';
import type { Clock } from '@tidemark/shared/base/clock.ts';
import type { KnownInventory } from '@tidemark/shared/protocol/codec.ts';
import type { TrustRoot } from '@tidemark/shared/signing/trust-root.ts';
import type { FromExecutor, ToExecutor } from '../boundary/messages.ts';
import { incomingIn } from '../steps/artifact-stage.ts';
import { isBroken, type Journal, type JournalOptions, openJournal } from './journal.ts';
import { createSessionLauncher, type Launcher } from './launch.ts';
import type { Log } from './log.ts';
import { createObserver } from './observe.ts';
import { createOffers } from './offers.ts';
import { createOrders } from './orders.ts';
import type { HostPolicy } from './permit.ts';
import { createReserve, type Reserve } from './reserve.ts';
import { createRunLoop } from './run-loop.ts';
import { profilesIn } from './scan-permission.ts';
import { createScans } from './scans.ts';

export interface ExecutorOptions {
  stateDir: string;
  /** The server's root directory. */
  root: string;
  factsDir: string;
  hostId: string;
  trustRoot: TrustRoot;
  /** Raw Ed25519, 32 bytes: what dispatches are signed with. */
  dispatchKey: Uint8Array;
  policy: HostPolicy;
  /** How this program is started, to be followed by `step DIR`. */
  command: readonly [string, ...string[]];
  clock: Clock;
  log: Log;
  /** To the link. What cannot be delivered may be dropped: after `connected` all that counts is said again. */
  send(message: FromExecutor): void;
  /**
   * The journal cannot be read or written any more, though there is space: nothing is begun and nothing believed from now
   * on. To be ended and started anew, which finds out what the disk still knows (docs/decisions/0321). Called once.
   */
  onBroken(message: string): void;
  /** Between asking a step that is past its time to end, and ending it. */
  graceMs?: number;
  reserve?: Reserve;
  /** How steps are started; each in a session of its own where it is left out. */
  launcher?: Launcher;
  /** How the journal is opened; SQLite where it is left out. */
  openJournal?: (options: JournalOptions) => Journal;
}

/** The privileged part: believes no message before it has verified it, and never opens a connection. */
export interface Executor {
  /** Takes up what was running. */
  start(): Promise<void>;
  receive(message: ToExecutor): void;
  /** Steps that run go on, and are found again by the next executor. */
  stop(): Promise<void>;
}

const GRACE_MS = 10_000;
const REPORTS_AT_ONCE = 64;
/** Facts go out with a new connection, though not with each of a series of short ones. */
const FACTS_PAUSE_MS = 5 * 60_000;

export const journalFile = (stateDir: string): string => join(stateDir, 'journal.sqlite');

export function createExecutor(options: ExecutorOptions): Executor {
  const { stateDir, clock, log } = options;
  mkdirSync(stateDir, { recursive: true, mode: 0o700 });
  const incoming = incomingIn(stateDir);
  mkdirSync(incoming, { recursive: true, mode: 0o700 });
  let stopped = false;
  let isJournalBroken = false;
  let factsAt = Number.NEGATIVE_INFINITY;
  const send = (message: FromExecutor) => {
    if (!stopped) options.send(message);
  };
  const reserve = options.reserve ?? createReserve(stateDir);
  const journal = (options.openJournal ?? openJournal)({
    file: journalFile(stateDir),
    onFull: () => reserve.spend(),
    onReport: report => send({ type: 'report', report }),
  });
  const broken = (error: unknown) => {
    if (isJournalBroken) return;
    isJournalBroken = true;
    log.error({ err: error }, 'the journal cannot be read or written: nothing new begins');
    options.onBroken(
      `the journal ${journalFile(stateDir)} cannot be read or written (${(error as Error).message}); look at the disk and the ` +
        'file system that it lies on. Nothing new begins; a step that runs goes on and is found again',
    );
  };
  const orders = createOrders({ ...options, journal, reserve });
  const scans = createScans(stateDir, clock.now);
  const offers = createOffers({ stateDir, clock, send });
  const loop = createRunLoop({
    ...options,
    offers,
    send,
    journal,
    reserve,
    scans,
    broken,
    launcher: options.launcher ?? createSessionLauncher(options.command),
    graceMs: options.graceMs ?? GRACE_MS,
    now: orders.now,
  });
  const carried = () => new Set(journal.orders().flatMap(order => profilesIn(order.bytes)));
  const observer = createObserver({ ...options, send, scans, offers, ground: { ...options, carried } });

  function connected(acknowledged: number, known: KnownInventory): void {
    offers.connected(known);
    // The journal is younger than what the controller has seen: this server was set back.
    if (acknowledged > journal.lastSequence()) journal.write(tx => tx.continueAfter(acknowledged));
    send({ type: 'standings', standings: orders.standings() });
    for (let after = acknowledged; ; ) {
      const reports = journal.reportsAfter(after, REPORTS_AT_ONCE);
      for (const report of reports) send({ type: 'report', report });
      const last = reports.at(-1);
      if (!last) break;
      after = last.sequence;
    }
    for (const ready of scans.waiting()) send(ready);
    loop.connected();
    if (clock.monotonic() - factsAt < FACTS_PAUSE_MS) return;
    factsAt = clock.monotonic();
    observer.add({ type: 'observe-facts', request: '', known });
  }

  async function takeSecretKey(envelope: Uint8Array): Promise<void> {
    // Loaded when it is needed: most agents never are given another one, and what opens it takes memory.
    const { takeSecretKey: take } = await import('./secret-keys.ts');
    const taken = take(envelope, { ...options, stateDir });
    if (!taken.ok) log.warn({ reason: taken.error }, 'a key for secrets was not taken');
    // Which key it has now is among them.
    if (!stopped) observer.add({ type: 'observe-facts', request: '', known: offers.known() });
  }

  function handle(message: ToExecutor): void {
    switch (message.type) {
      case 'connected':
        connected(message.acknowledged, message.known);
        break;
      case 'order-offer':
        orders.offer(message);
        break;
      case 'dispatch':
        orders.dispatch(message.envelope);
        loop.turn();
        break;
      case 'amendment':
        orders.amend(message.envelope);
        loop.turn();
        break;
      case 'acknowledge':
        journal.write(tx => tx.acknowledge(Math.min(message.sequence, journal.lastSequence())));
        break;
      case 'output-credit':
        loop.grantOutput(message.bytes);
        break;
      case 'observe-facts':
      case 'observe-scan':
      case 'observe-dry-run':
        observer.add(message);
        break;
      case 'want-sections':
        offers.want(message.digests);
        break;
      case 'secret-key':
        takeSecretKey(message.envelope).catch(error =>
          log.error({ err: error }, 'a key for secrets could not be kept'),
        );
        break;
      case 'artifact-ready': {
        // The link names a file: only one where links put them.
        const inside = dirname(resolve(message.file)) === resolve(incoming);
        const failed = { state: 'failed' as const, message: 'the link put it in a place that is not its own' };
        loop.incoming(message.digest, inside ? { state: 'ready', file: resolve(message.file) } : failed);
        break;
      }
      case 'artifact-failed':
        loop.incoming(message.digest, { state: 'failed', message: message.message });
        break;
      case 'scan-uploaded':
        scans.uploaded(message.scan);
        break;
      default:
        unreachable(message);
    }
  }

  return {
    start: () => loop.start(),
    receive(message) {
      if (stopped || isJournalBroken) return;
      try {
        handle(message);
      } catch (error) {
        if (isBroken(error) && !reserve.isShort()) {
          broken(error);
          return;
        }
        // A full disk or a bug: either way one message must not end the agent. The controller sends it again.
        log.error({ err: error, type: message.type }, 'a message could not be handled');
      }
    },
    async stop() {
      stopped = true;
      observer.stop();
      await loop.stop();
      try {
        journal.close();
      } catch (error) {
        // Its last word to a disk that fails. What was written is in the write-ahead log, or was never believed.
        log.error({ err: error }, 'the journal could not be closed');
      }
    },
  };
}
