import type { Clock } from '@tidemark/shared/base/clock.ts';
import { schedule } from 'node-cron';
import type { DeliveryStore } from './deliver.ts';
import type { LoopLog } from './every.ts';

/** What a round of clearing fingerprints did; null where another controller was at it. */
type Cleared = { forgotten: number; demoted: number; deleted: number } | null;

const DAY_MS = 86_400_000;
/** Tokens are kept for a day after they expired, to tell "expired" from "never was". */
const TOKENS_KEPT_MS = DAY_MS;
/** Long enough to look into what was sent to whom in the last patch night. */
const SENT_KEPT_MS = 7 * DAY_MS;
/** Somebody who was refused has a week to mend it before packages are read again. */
const READ_KEPT_MS = 7 * DAY_MS;
/** A quarter and a little: what was there before the last patch night but one. */
const FACTS_KEPT_MS = 100 * DAY_MS;
/** Away from the full hour, at which everything else runs. */
const HOURLY = '23 * * * *';

export interface HousekeepingDependencies {
  store: Pick<DeliveryStore, 'forgetSent' | 'forgetTokens'>;
  /** Forgets old fingerprints and what only they needed. */
  clearFingerprints: (now: number) => Promise<Cleared>;
  /** Forgets what was read of packages for imports that did not come to their end, up to a moment. */
  forgetRead: (until: number) => Promise<number>;
  /** Forgets what was on hosts until a moment, and is not any more. */
  forgetFacts: (until: number) => Promise<{ periods: number; contents: number }>;
  clock: Clock;
  log: LoopLog;
}

/** Deletes what nobody needs any more. */
export async function keepHouse({
  store,
  clearFingerprints,
  forgetRead,
  forgetFacts,
  clock,
  log,
}: HousekeepingDependencies): Promise<void> {
  const now = clock.now();
  const tokens = await store.forgetTokens(now - TOKENS_KEPT_MS);
  await store.forgetSent(now - SENT_KEPT_MS);
  if (tokens > 0) log.info({ tokens }, 'forgot expired enrolment tokens');
  await forgetRead(now - READ_KEPT_MS);
  const facts = await forgetFacts(now - FACTS_KEPT_MS);
  if (facts.periods > 0) log.info(facts, 'forgot what hosts had long ago');
  const cleared = await clearFingerprints(now);
  if (cleared && cleared.forgotten + cleared.deleted > 0) log.info(cleared, 'cleared away old fingerprints');
}

/** Once now, since the last hours may have been missed, and then every hour. */
export function housekeepingLoop(dependencies: HousekeepingDependencies): { stop(): Promise<void> } {
  const { log } = dependencies;
  const attempt = () =>
    keepHouse(dependencies).catch((error: unknown) => log.error({ err: error }, 'housekeeping failed'));
  let last = attempt();
  const task = schedule(
    HOURLY,
    () => {
      last = attempt();
      return last;
    },
    { name: 'housekeeping', noOverlap: true },
  );
  return {
    async stop() {
      await task.destroy();
      await last;
    },
  };
}
