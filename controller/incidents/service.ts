import type { Clock } from '@tidemark/shared/base/clock.ts';
import { err, ok, type Result } from '@tidemark/shared/base/result.ts';
import type { Incident, IncidentStore, NewIncident } from './ports.ts';

export interface IncidentError {
  code: 'unknown-incident' | 'already-resolved';
  message: string;
}

/** What waits for a person. `changed` is called when one was resolved: a run may have waited for it. */
export function createIncidents({
  store,
  clock,
  changed = () => {},
}: {
  store: IncidentStore;
  clock: Clock;
  changed?: () => void;
}) {
  return {
    /** Opens an incident, unless its key has one, open or resolved. Gives whether it did. */
    open: (incident: NewIncident): Promise<boolean> => store.open({ ...incident, at: clock.now() }),

    /** Newest first. */
    list: (filter: { state: 'open' | 'resolved' | 'all' }): Promise<Incident[]> => store.list(filter),

    /** Says that it has been dealt with, and how. */
    async resolve({
      id,
      by,
      reason,
    }: {
      id: number;
      by: string;
      reason: string;
    }): Promise<Result<Incident, IncidentError>> {
      const known = await store.get(id);
      if (known === null) {
        return err({ code: 'unknown-incident', message: `there is no incident ${id}: see "tidemark get incidents"` });
      }
      const resolved = known.state === 'open' && (await store.resolve(id, { by, reason, at: clock.now() }));
      if (!resolved) return err({ code: 'already-resolved', message: `incident ${id} has been resolved already` });
      changed();
      return ok((await store.get(id)) ?? known);
    },
  };
}
