import { randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { parseJson } from '@tidemark/shared/base/canonical-json.ts';
import type { Clock } from '@tidemark/shared/base/clock.ts';
import { err, ok, type Result } from '@tidemark/shared/base/result.ts';
import { isAudit, ScanProfile } from '@tidemark/shared/fingerprint/profile.ts';
import { DryRunRequest } from '@tidemark/shared/orders/dry-run.ts';
import type { FromExecutor, ToExecutor } from '../boundary/messages.ts';
import { AUDITED_BY_DEFAULT, forbiddenRoot } from '../scan/audit.ts';
import { readResult, type StepInput } from '../steps/directory.ts';
import { createSessionLauncher, lastWords, prepare, type RunningChild } from './launch.ts';
import type { Log } from './log.ts';
import type { Offers } from './offers.ts';
import { forbiddenCall, type HostPolicy } from './permit.ts';
import { permittedProfile, type ScanGround } from './scan-permission.ts';
import type { Scans } from './scans.ts';

/*
 * Looks at the server that no order asks for: facts, scans and dry runs. They change nothing, so they are in no journal; who asked
 * for one that a restart cut off asks again. One at a time, beside the steps.
 */

type Request = Extract<ToExecutor, { type: 'observe-facts' | 'observe-scan' | 'observe-dry-run' }>;

const FACTS_TIMEOUT_MS = 120_000;
/** A package manager resolves an upgrade of a whole server in seconds, and in more where the server is busy. */
const DRY_RUN_TIMEOUT_MS = 120_000;
/** A server of some million files on slow disks. */
const SCAN_TIMEOUT_MS = 4 * 3600 * 1000;
const GRACE_MS = 1_000;
const LOOK_MS = 250;
/** More than a controller has reason to ask at once. */
const MAX_WAITING = 32;

export interface ObserverOptions {
  stateDir: string;
  root: string;
  factsDir: string;
  command: readonly [string, ...string[]];
  clock: Clock;
  /** What this server lets be done to it. */
  policy: HostPolicy;
  scans: Scans;
  offers: Offers;
  log: Log;
  /** What decides which scans are made. */
  ground: ScanGround;
  send(message: FromExecutor): void;
}

export interface Observer {
  add(request: Request): void;
  stop(): void;
}

export function createObserver(options: ObserverOptions): Observer {
  const { send, scans } = options;
  const base = join(options.stateDir, 'observe');
  mkdirSync(base, { recursive: true, mode: 0o700 });
  for (const name of readdirSync(base)) rmSync(join(base, name), { recursive: true, force: true });
  // They end with the agent: nothing that only looks has to outlive it.
  const launcher = createSessionLauncher(options.command);
  const waiting: Request[] = [];
  let running: { request: Request; child: RunningChild } | null = null;
  let starting = false;
  let stopped = false;
  let timer: NodeJS.Timeout | null = null;

  async function next(): Promise<void> {
    if (running || starting || stopped) return;
    const request = waiting.shift();
    if (!request) return;
    const input = inputOf(request);
    if (typeof input === 'string') {
      failed(request, input);
      return next();
    }
    starting = true;
    try {
      const directory = await prepare(base, randomBytes(8).toString('hex'), input);
      running = { request, child: launcher.launch(directory, input, look) };
      timer = setInterval(look, LOOK_MS);
    } catch (error) {
      failed(request, (error as Error).message);
    } finally {
      starting = false;
    }
    if (!running) await next();
  }

  function look(): void {
    if (!running?.child.look()) return;
    const { request, child } = running;
    running = null;
    if (timer) clearInterval(timer);
    if (!stopped) answer(request, child.directory);
    try {
      rmSync(child.directory, { recursive: true, force: true });
    } catch {
      // A disk that has become read-only must not end the agent here; what is left is removed at its next start.
    }
    void next();
  }

  function answer(request: Request, directory: string): void {
    const result = readResult(directory);
    if (!result) failed(request, `it broke: ${lastWords(directory) || 'its process is gone and left no result'}`);
    else if (result.outcome !== 'succeeded') failed(request, result.message);
    else if (request.type === 'observe-facts') {
      options.offers.offer(request.request, request.known);
    } else if (request.type === 'observe-dry-run') {
      send({ type: 'dry-run', request: request.request, result: result.facts ?? {}, message: '' });
    } else {
      const scan = String(result.facts?.['scan']);
      scans.add(scan, { request: request.request, orderDigest: null });
      const ready = scans.waiting().find(each => each.scan === scan);
      if (ready) send(ready);
    }
  }

  function failed(request: Request, message: string): void {
    if (request.type === 'observe-scan') send({ type: 'scan-failed', request: request.request, message });
    else if (request.type === 'observe-dry-run')
      send({ type: 'dry-run', request: request.request, result: null, message });
    else {
      // Nothing is offered, so that nobody takes what was found before for what is so now: it grows stale, and is shown so.
      options.log.warn({ reason: message }, 'the server could not be looked at');
    }
  }

  /** An audit is permitted by where it looks, all else by who said that it may be looked at. */
  function permitted(request: Extract<Request, { type: 'observe-scan' }>): Result<ScanProfile, string> {
    const asked = ScanProfile.safeParse(parseJson(request.profile));
    if (!asked.success || !isAudit(asked.data)) return permittedProfile(request, options.ground);
    const closed = forbiddenRoot(asked.data, options.policy.audits ?? AUDITED_BY_DEFAULT);
    if (closed === null) return ok(asked.data);
    return err(`this server's policy does not open ${closed} to audits (audits in its policy file)`);
  }

  function inputOf(request: Request): StepInput | string {
    const { root, stateDir, factsDir } = options;
    const common = { root, stateDir, factsDir, graceMs: GRACE_MS };
    if (request.type === 'observe-facts') return { work: 'facts', timeoutMs: FACTS_TIMEOUT_MS, ...common };
    if (request.type === 'observe-dry-run') {
      const wish = DryRunRequest.safeParse(parseJson(request.wish));
      if (!wish.success)
        return `the dry run that was asked for does not fit its schema: ${wish.error.issues[0]?.message}`;
      const forbidden = wish.data.calls?.map(call => forbiddenCall(call, options.policy)).find(why => why !== null);
      if (forbidden !== undefined) return forbidden;
      return { work: 'dry-run', request: wish.data, timeoutMs: DRY_RUN_TIMEOUT_MS, ...common };
    }
    const profile = permitted(request);
    if (!profile.ok) return profile.error;
    const audits = [...(options.policy.audits ?? AUDITED_BY_DEFAULT)];
    const call = { kind: 'scan/run' as const, args: { profile: profile.value } };
    return { work: 'call', call, attempt: null, audits, timeoutMs: SCAN_TIMEOUT_MS, ...common };
  }

  return {
    add(request) {
      if (waiting.length >= MAX_WAITING) failed(request, 'too many requests wait already; ask again later');
      else waiting.push(request);
      void next();
    },
    stop() {
      stopped = true;
      if (timer) clearInterval(timer);
    },
  };
}
