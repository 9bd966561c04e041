import { setTimeout as delay } from 'node:timers/promises';
import type { Clock } from '@tidemark/shared/base/clock.ts';
import { parseLock } from './apt-output.ts';
import { lockHolder } from './apt-state.ts';
import type { CommandPlace } from './command.ts';
import { describeHolder, lockedProblem } from './os-package-problems.ts';
import type { ToolEnd } from './os-package-tool.ts';

/** Between two looks at a lock that somebody has. */
const LOCK_POLL_MS = 500;

/** Runs a command once nobody else works with the packages; throws `locked` where that takes too long. */
export async function whenFree(
  { place, clock }: { place: CommandPlace; clock: Clock },
  waitMs: number,
  run: () => Promise<ToolEnd>,
): Promise<ToolEnd> {
  const begun = clock.monotonic();
  for (let told = false; ; ) {
    const end = await run();
    const lock = end.status === 0 ? null : parseLock(end.text);
    if (!lock) return end;
    const waitedMs = clock.monotonic() - begun;
    const holder = lock.name !== '' ? lock : (lockHolder(place.root) ?? lock);
    if (waitedMs >= waitMs || place.signal.aborted) throw lockedProblem({ ...holder, path: lock.path }, waitedMs);
    if (!told) place.output(Buffer.from(`waiting for ${describeHolder(holder)}, which has ${lock.path}\n`), 'stdout');
    told = true;
    await delay(LOCK_POLL_MS);
  }
}
