import type { Clock } from '@tidemark/shared/base/clock.ts';
import type { WindowsService } from '@tidemark/shared/orders/kinds/service.ts';
import { capture } from './capture.ts';
import type { Argv, CommandPlace } from './command.ts';
import { type ServiceChange, ServiceProblem, type ServiceProvider, type ServiceState } from './service.ts';

/*
 * Services of Windows by its own `sc.exe`. Written after Microsoft's documentation and output as it is printed there; it
 * has not been run on a Windows.
 */

/** Below the server's root, which is the system drive. */
const PROGRAM = '/Windows/System32/sc.exe';
const POLL_MS = 250;

/** `STATE` of `sc queryex` (SERVICE_STATUS.dwCurrentState, winsvc.h). The words beside them are translated, the numbers not. */
const STATES: Readonly<Record<number, string>> = {
  1: 'STOPPED',
  2: 'START_PENDING',
  3: 'STOP_PENDING',
  4: 'RUNNING',
  5: 'CONTINUE_PENDING',
  6: 'PAUSE_PENDING',
  7: 'PAUSED',
};

/** What sc.exe ends with (winerror.h), as far as something can be done about it. */
const ERRORS: Readonly<Record<number, string>> = {
  5: 'access is denied: the agent must run as LocalSystem or an administrator',
  1051: 'other services that run depend on it: name them too, before it',
  1053: 'it did not answer the request to start or stop in time',
  1058: 'it is disabled: sc.exe config NAME start= demand',
  1060: 'there is no service of this name: correct the landscape',
  1061: 'it cannot take requests at this time',
  1068: 'a service that it depends on did not start',
  1069: 'its account could not log on: is the password right?',
};
const ALREADY_RUNNING = 1056;
const NOT_STARTED = 1062;

/** What `sc queryex NAME` says. */
export interface WindowsServiceState {
  state: number;
  /** 0 where it does not run. */
  pid: number;
  /** Why it ended: 0 in order, 1066 with a code of its own, 1077 never started since the boot. */
  exitCode: number;
}

/** Pure; null where it says something else. */
export function readQuery(text: string): WindowsServiceState | null {
  const value = (name: string) => new RegExp(`^\\s*${name}\\s*:\\s*(\\d+)`, 'm').exec(text)?.[1];
  const state = value('STATE');
  if (state === undefined) return null;
  return { state: Number(state), pid: Number(value('PID') ?? 0), exitCode: Number(value('WIN32_EXIT_CODE') ?? 0) };
}

/** A component of one service of Windows or several, which start in their order and stop the other way round. */
export function createWindowsService({ services }: WindowsService, place: CommandPlace, clock: Clock): ServiceProvider {
  const sc = (...args: string[]) => capture([PROGRAM, ...args] as unknown as Argv, place);

  const look = async (name: string): Promise<WindowsServiceState> => {
    const end = await sc('queryex', name);
    const found = end.status === 0 ? readQuery(end.stdout) : null;
    if (found) return found;
    throw new ServiceProblem(`sc.exe queryex ${name} ended with ${reasonOf(end.status)}`);
  };

  const stateOf = ({ state }: WindowsServiceState): ServiceState | null =>
    state === 4 ? 'up' : state === 1 ? 'down' : null;

  /** False where it is so already. */
  const bring = async (name: string, wanted: ServiceState, until: number): Promise<boolean> => {
    if (stateOf(await look(name)) === wanted) return false;
    const verb = wanted === 'up' ? 'start' : 'stop';
    const end = await sc(verb, name);
    // Somebody was faster: what counts is what it is in the end.
    if (end.status !== 0 && end.status !== ALREADY_RUNNING && end.status !== NOT_STARTED)
      throw new ServiceProblem(`sc.exe ${verb} ${name} failed: exit status ${reasonOf(end.status)}: ${end.lastLine}`);
    for (;;) {
      const now = await look(name);
      if (stateOf(now) === wanted) return true;
      if (wanted === 'up' && now.state === 1)
        throw new ServiceProblem(
          `${name} has started and ended again: its exit code is ${now.exitCode}; see the event log`,
        );
      if (clock.monotonic() >= until)
        throw new ServiceProblem(`${name} is still not ${wanted}: ${STATES[now.state] ?? now.state}`);
      await new Promise(resolve => setTimeout(resolve, POLL_MS));
    }
  };

  const each = async (order: readonly string[], waitMs: number, wanted: ServiceState): Promise<ServiceChange> => {
    const begun = clock.monotonic();
    let changed = false;
    for (const name of order) if (await bring(name, wanted, begun + waitMs)) changed = true;
    return { changed, tookMs: clock.monotonic() - begun };
  };

  const start = (waitMs: number) => each(services, waitMs, 'up');
  const stop = (waitMs: number) => each(services.toReversed(), waitMs, 'down');
  return {
    name: 'windows',
    async status() {
      const looks = await Promise.all(services.map(async name => ({ name, ...(await look(name)) })));
      const states = new Set(looks.map(stateOf));
      const [only] = states;
      if (states.size === 1 && only) return only;
      const said = looks.map(({ name, state }) => `${name} is ${STATES[state] ?? state}`);
      throw new ServiceProblem(`it is neither up nor down: ${said.join('; ')}`);
    },
    start,
    stop,
    async restart(waitMs) {
      const stopped = await stop(waitMs);
      const started = await start(waitMs);
      return { changed: true, tookMs: stopped.tookMs + started.tookMs };
    },
    async reload() {
      throw new ServiceProblem('a service of Windows has no way to be reloaded; restart it instead');
    },
  };
}

const reasonOf = (status: number | null): string =>
  `${status ?? 'a signal'}${status === null ? '' : (ERRORS[status] ?? '') && `, ${ERRORS[status]}`}`;
