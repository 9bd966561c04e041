import { errorAt, type Place, type PlanError } from './errors.ts';
import { listed } from './fleet-view.ts';

/** Conditions that have no answer for some hosts: one error each, however many hosts there are. */
export class Undecided {
  readonly #found = new Map<string, { place: Place; question: string; hosts: string[]; why: string }>();

  /** `question` ends before the host: `whether wave canary takes`. */
  add(place: Place, question: string, host: string, why: string): void {
    const known = this.#found.get(question);
    if (known) known.hosts.push(host);
    else this.#found.set(question, { place, question, hosts: [host], why });
  }

  errors(): PlanError[] {
    return [...this.#found.values()].map(({ place, question, hosts, why }) =>
      errorAt(place, `${question} ${listed(hosts)} cannot be said: ${why}; guard it with has(...)`),
    );
  }
}
