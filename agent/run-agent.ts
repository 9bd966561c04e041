import { mkdirSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '@tidemark/shared/base/clock.ts';
import { err, ok, type Result } from '@tidemark/shared/base/result.ts';
import { pino } from 'pino';
import { clearCodeCache } from './config/code-cache.ts';
import type { Settings } from './config/settings.ts';
import { createExecutor, type Executor, journalFile } from './executor/executor.ts';
import { isBroken } from './executor/journal.ts';
import { chooseLauncher } from './executor/launch-unit.ts';
import { createReserve } from './executor/reserve.ts';
import { loadIdentity } from './link/identity.ts';
import { createLink } from './link/link.ts';
import { uploadScan } from './link/upload.ts';
import { takeLock } from './platform/lock-file.ts';
import { readBootId } from './platform/process.ts';
import { AGENT_VERSION } from './version.ts';

export const lockFile = (stateDir: string): string => join(stateDir, 'agent.lock');

/** Puts link and executor together and runs them until a signal says to go. The error is for a person. */
export async function runAgent(
  settings: Settings,
  command: readonly [string, ...string[]],
): Promise<Result<null, string>> {
  const { stateDir } = settings;
  const identity = loadIdentity(stateDir);
  if (!identity.ok) return identity;
  if (identity.value.fleet !== settings.trustRoot.fleet) {
    return err(
      `this server is enrolled in fleet ${identity.value.fleet}, and the trust root is for ${settings.trustRoot.fleet}; copy the right one`,
    );
  }
  mkdirSync(stateDir, { recursive: true, mode: 0o700 });
  // On a full disk not even the lock could be taken: then what is kept for results has to serve for that too.
  const reserve = createReserve(stateDir);
  if (!reserve.ready()) reserve.spend();
  const lock = takeLock(lockFile(stateDir));
  if (!lock.ok) return err(`an agent runs on ${stateDir} already: process ${lock.error.pid}; stop it first`);
  clearCodeCache(stateDir);
  // Standard error, so that standard output stays for what a person asked for.
  const log = pino({ level: settings.logLevel, base: { host: hostname() } }, pino.destination({ dest: 2, sync: true }));
  const { hostId, dispatchKey } = identity.value;
  let executor: Executor | null = null;
  const link = createLink({
    identity: identity.value,
    stateDir,
    agent: { version: AGENT_VERSION, bootId: readBootId(), hostName: hostname() },
    toExecutor: message => executor?.receive(message),
    uploadScan,
    clock: systemClock,
    random: Math.random,
    log: log.child({ part: 'link' }),
  });
  const launcher = chooseLauncher(command, log.child({ part: 'executor' }));
  const { promise: broken, resolve: onBroken } = Promise.withResolvers<string>();
  try {
    executor = createExecutor({
      ...settings,
      hostId,
      dispatchKey,
      reserve,
      command,
      launcher,
      clock: systemClock,
      log: log.child({ part: 'executor' }),
      onBroken,
      send: message => link.deliver(message),
    });
    const asked = signalled(['SIGTERM', 'SIGINT']);
    await executor.start();
    link.start();
    log.info(
      { version: AGENT_VERSION, stateDir, hostId, controller: identity.value.linkAddress, steps: launcher.name },
      'agent started',
    );
    const end = await Promise.race([asked.then(signal => ({ signal })), broken.then(problem => ({ problem }))]);
    if ('signal' in end) log.info(end, 'agent stops; a step that runs goes on and is found again');
    await link.stop();
    await executor.stop();
    // To be started anew by the unit, until the disk is well: not connected, it is seen to be away, and nothing is sent to it.
    if ('problem' in end) return err(end.problem);
  } catch (error) {
    if (!isBroken(error)) throw error;
    const file = journalFile(stateDir);
    return err(`the journal ${file} cannot be opened (${(error as Error).message}); look at the disk that it lies on`);
  } finally {
    lock.value.release();
  }
  return ok(null);
}

function signalled(signals: readonly NodeJS.Signals[]): Promise<NodeJS.Signals> {
  return new Promise(resolve => {
    for (const signal of signals) process.on(signal, () => resolve(signal));
  });
}
