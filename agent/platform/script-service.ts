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

/** A component that is started, stopped and probed by commands. */
export function createScriptService(service: ScriptService, place: CommandPlace, clock: Clock): ServiceProvider {
  const probe = async (): Promise<{ state: ServiceState | null; end: CommandEnd }> => {
    const end = await runCommand(service.status, place);
    const state = end.status === STATUS_UP ? 'up' : end.status === STATUS_DOWN ? 'down' : null;
    return { state, end };
  };

  const waitFor = async (wanted: ServiceState, waitMs: number, command: Argv, ran: CommandEnd): Promise<void> => {
    const until = clock.monotonic() + waitMs;
    for (;;) {
      const { state, end } = await probe();
      if (state === wanted) return;
      if (clock.monotonic() >= until) {
        throw new ServiceProblem(
          `${describeArgv(command)} ended with ${describeEnd(ran)}, but ${waitMs} ms later the component is still not ` +
            `${wanted}: ${describeArgv(service.status)} says ${describeEnd(end)}`,
        );
      }
      await new Promise(resolve => setTimeout(resolve, POLL_MS));
    }
  };

  const change = async (wanted: ServiceState, command: Argv, waitMs: number): Promise<ServiceChange> => {
    const begun = clock.monotonic();
    // A probe that knows neither up nor down must not keep a component from being started or stopped.
    if ((await probe()).state === wanted) return { changed: false, tookMs: clock.monotonic() - begun };
    const ran = wanted === 'up' ? await runStartingCommand(command, place) : await runCommand(command, place);
    if (ran.status !== 0) throw new ServiceProblem(`${describeArgv(command)} failed: ${describeEnd(ran)}`);
    await waitFor(wanted, waitMs, command, ran);
    return { changed: true, tookMs: clock.monotonic() - begun };
  };

  return {
    name: 'script',
    async status() {
      const { state, end } = await probe();
      if (state) return state;
      throw new ServiceProblem(
        `${describeArgv(service.status)} says neither that it runs (0) nor that it does not (3): ${describeEnd(end)}`,
      );
    },
    start: waitMs => change('up', service.start, waitMs),
    stop: waitMs => change('down', service.stop, waitMs),
  };
}
