/** How a component runs, as a service manager can tell. */
export type ServiceState = 'up' | 'down';

/**
 * A way to start, stop and probe a component. Every implementation passes service.conformance.ts:
 *
 * - `start` and `stop` end well only once the state is really so, and do nothing where it is so already;
 * - `restart` ends well only once it is up anew, also where it was down before;
 * - they throw a {@link ServiceProblem} that names the command, its exit status and its last line;
 * - what they start outlives them.
 */
export interface ServiceProvider {
  readonly name: string;
  status(): Promise<ServiceState>;
  start(waitMs: number): Promise<ServiceChange>;
  stop(waitMs: number): Promise<ServiceChange>;
  restart(waitMs: number): Promise<ServiceChange>;
  /** Has it read its configuration again, without an end of its work; throws where it cannot or is not up. */
  reload(waitMs: number): Promise<ServiceChange>;
}

export interface ServiceChange {
  /** False where it was so already. */
  changed: boolean;
  tookMs: number;
  /** What a person should know though it went well: "orders.socket can start it again". */
  notes?: readonly string[];
}

/** A service that did not do as it was told, or cannot be asked. */
export class ServiceProblem extends Error {
  override name = 'ServiceProblem';
}
