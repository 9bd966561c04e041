import type { Clock } from '@tidemark/shared/base/clock.ts';
import type { ScriptService } from '@tidemark/shared/orders/kinds/service.ts';
import {
  type Argv,
  type CommandEnd,
  type CommandPlace,
  describeArgv,
  describeEnd,
  runCommand,
  runStartingCommand,
} from './command.ts';
import { type ServiceChange, ServiceProblem, type ServiceProvider, type ServiceState } from './service.ts';

/** LSB, init script actions: 0 is running, 3 is not running; the others say that something is wrong. */
const STATUS_UP = 0;
const STATUS_DOWN = 3;
/** Short enough to be noticed at once, long enough for a probe that starts an interpreter. */
const POLL_MS = 100;

/** The commands of a component, and what the exit statuses of its probe mean. */
export interface ServiceCommands extends Omit<ScriptService, 'provider'> {
  name: string;
  /** Null where it cannot. */
  reload: Argv | null;
  /** Exit statuses that say that it does not run. */
  downStatuses: readonly number[];
  /** What is run before a start where the probe says this status: its manager takes a service that has died for started. */
  forget?: { status: number; command: Argv };
}

/** A component that is started, stopped and probed by commands. */
export function createScriptService(service: ScriptService, place: CommandPlace, clock: Clock): ServiceProvider {
  const { provider, ...commands } = service;
  return createCommandService({ ...commands, name: provider, reload: null, downStatuses: [STATUS_DOWN] }, place, clock);
}

/** As {@link createScriptService}, for commands that somebody else has put together. */
export function createCommandService(commands: ServiceCommands, place: CommandPlace, clock: Clock): ServiceProvider {
  const probe = async (): Promise<{ state: ServiceState | null; end: CommandEnd }> => {
    const end = await runCommand(commands.status, place);
    const down = end.status !== null && commands.downStatuses.includes(end.status);
    return { state: end.status === STATUS_UP ? 'up' : down ? 'down' : null, end };
  };

  const waitFor = async (wanted: ServiceState, waitMs: number, command: Argv, ran: CommandEnd): Promise<void> => {
    const until = clock.monotonic() + waitMs;
    for (;;) {
      const { state, end } = await probe();
      if (state === wanted) return;
      if (clock.monotonic() >= until) {
        throw new ServiceProblem(
          `${describeArgv(command)} ended with ${describeEnd(ran)}, but ${waitMs} ms later the component is still not ` +
            `${wanted}: ${describeArgv(commands.status)} says ${describeEnd(end)}`,
        );
      }
      await new Promise(resolve => setTimeout(resolve, POLL_MS));
    }
  };

  const change = async (wanted: ServiceState, command: Argv, waitMs: number): Promise<ServiceChange> => {
    const begun = clock.monotonic();
    // A probe that knows neither up nor down must not keep a component from being started or stopped.
    const before = await probe();
    if (before.state === wanted) return { changed: false, tookMs: clock.monotonic() - begun };
    if (wanted === 'up' && commands.forget && before.end.status === commands.forget.status)
      await runCommand(commands.forget.command, place);
    const ran = wanted === 'up' ? await runStartingCommand(command, place) : await runCommand(command, place);
    if (ran.status !== 0) throw new ServiceProblem(`${describeArgv(command)} failed: ${describeEnd(ran)}`);
    await waitFor(wanted, waitMs, command, ran);
    return { changed: true, tookMs: clock.monotonic() - begun };
  };

  const start = (waitMs: number) => change('up', commands.start, waitMs);
  const stop = (waitMs: number) => change('down', commands.stop, waitMs);
  return {
    name: commands.name,
    async status() {
      const { state, end } = await probe();
      if (state) return state;
      throw new ServiceProblem(
        `${describeArgv(commands.status)} says neither that it runs (0) nor that it does not ` +
          `(${commands.downStatuses.join(', ')}): ${describeEnd(end)}`,
      );
    },
    start,
    stop,
    async restart(waitMs) {
      const stopped = await stop(waitMs);
      const started = await start(waitMs);
      return { changed: true, tookMs: stopped.tookMs + started.tookMs };
    },
    async reload(waitMs) {
      const { reload } = commands;
      if (reload === null)
        throw new ServiceProblem('a component of scripts has no command to reload it; restart it instead');
      const begun = clock.monotonic();
      const { state, end } = await probe();
      if (state !== 'up')
        throw new ServiceProblem(
          `it is not up, so nothing was reloaded: ${describeArgv(commands.status)} says ${describeEnd(end)}`,
        );
      const ran = await runCommand(reload, place);
      if (ran.status !== 0) throw new ServiceProblem(`${describeArgv(reload)} failed: ${describeEnd(ran)}`);
      await waitFor('up', waitMs, reload, ran);
      return { changed: true, tookMs: clock.monotonic() - begun };
    },
  };
}
