import { existsSync, readFileSync } from 'node:fs';
import type { ToExecutor } from '@tidemark/agent/boundary/messages.ts';
import { createExecutor, type Executor } from '@tidemark/agent/executor/executor.ts';
import { type Journal, openJournal } from '@tidemark/agent/executor/journal.ts';
import { systemClock } from '@tidemark/shared/base/clock.ts';
import type { ExecutorSetup } from './executor-support.ts';

/* An executor whose link is the process that forked it. */

let executor: Executor | null = null;
const quiet = {
  info: () => undefined,
  warn: () => undefined,
  error: (fields: object, text: string) => console.error(text, fields),
};

process.on('message', (message: ExecutorSetup | ToExecutor) => {
  if ('type' in message) executor?.receive(message);
  else void start(message);
});
process.on('disconnect', () => process.exit(0));

async function start(setup: ExecutorSetup): Promise<void> {
  executor = createExecutor({
    ...setup,
    factsDir: `${setup.root}/facts.d`,
    policy: { kinds: setup.kinds, programs: ['/**'], paths: ['/**'] },
    clock: { ...systemClock, now: () => systemClock.now() + aheadMs(setup.wallClock) },
    openJournal: options => withoutRoom(openJournal(options), setup.noRoom),
    log: quiet,
    onBroken: message => {
      process.send?.({ type: 'broken', message }, () => process.exit(1));
    },
    send: message => process.send?.(message),
  });
  await executor.start();
  process.send?.({ type: 'ready' });
}

/** A journal that cannot grow as long as there is this file, whatever the reserve frees. */
const withoutRoom = (journal: Journal, file: string): Journal => ({
  ...journal,
  write(work) {
    if (existsSync(file)) throw Object.assign(new Error('database or disk is full'), { errcode: SQLITE_FULL });
    return journal.write(work);
  },
});
const SQLITE_FULL = 13;

/** By how much the server's wall clock is set ahead. */
function aheadMs(file: string): number {
  try {
    return Number(readFileSync(file, 'utf8'));
  } catch {
    return 0;
  }
}
