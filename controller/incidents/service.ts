import type { Clock } from '@tidemark/shared/base/clock.ts';
import { err, ok, type Result } from '@tidemark/shared/base/result.ts';
import type { Comment, Incident, IncidentStore, NewIncident } from './ports.ts';

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

    /** Those whose key begins so, open or resolved, without all that is known of them. */
    withKey: (prefix: string) => store.withKey(prefix),

    /** With what was written down about it; null where there is none. */
    async get(id: number): Promise<(Incident & { comments: Comment[]; alikeHosts: string[] }) | null> {
      const known = await store.get(id);
      if (known === null) return null;
      return { ...known, comments: await store.comments(id), alikeHosts: await store.alikeHosts(id) };
    },

    /** Says who looks after it. Who takes it from somebody else does so knowingly: the audit log has both. */
    async take({ id, by }: { id: number; by: string }): Promise<Result<Incident, IncidentError>> {
      const known = await store.get(id);
      if (known === null) return unknown(id);
      if (!(await store.take(id, { by, at: clock.now() }))) return resolvedAlready(id);
      return ok((await store.get(id)) ?? known);
    },

    /** Writes down what was found out; also after it was resolved. */
    async comment({
      id,
      by,
      text,
    }: {
      id: number;
      by: string;
      text: string;
    }): Promise<Result<Incident, IncidentError>> {
      const known = await store.get(id);
      if (known === null) return unknown(id);
      await store.comment(id, { at: clock.now(), by, text });
      return ok(known);
    },

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
      if (known === null) return unknown(id);
      const resolved = known.state === 'open' && (await store.resolve(id, { by, reason, at: clock.now() }));
      if (!resolved) return resolvedAlready(id);
      changed();
      return ok((await store.get(id)) ?? known);
    },
  };
}

const unknown = (id: number) =>
  err({ code: 'unknown-incident' as const, message: `there is no incident ${id}: see "tidemark get incidents"` });
const resolvedAlready = (id: number) =>
  err({ code: 'already-resolved' as const, message: `incident ${id} has been resolved already` });
