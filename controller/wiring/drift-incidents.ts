import type { createIncidents } from '../incidents/service.ts';
import type { DriftIncidents } from '../verification/ports.ts';

/**
 * Incidents of drift. A cause that comes back after somebody dealt with it is a new incident, so keys are counted: the
 * one that is open, if any, is the last of its cause.
 */
export function driftIncidents(
  incidents: Pick<ReturnType<typeof createIncidents>, 'open' | 'list' | 'resolve'>,
  hostIdOf: (host: string) => Promise<string | null>,
): DriftIncidents {
  const ofCause = (all: readonly { key: string }[], key: string) => all.filter(one => one.key.startsWith(`${key}#`));
  return {
    async open({ key, host, title, detail }) {
      const all = await incidents.list({ state: 'all' });
      const open = all.filter(({ state }) => state === 'open');
      if (ofCause(open, key).length > 0) return;
      const hostId = host === null ? null : await hostIdOf(host);
      await incidents.open({ key: `${key}#${ofCause(all, key).length + 1}`, run: null, hostId, title, detail });
    },
    async resolve(key, reason) {
      const open = await incidents.list({ state: 'open' });
      for (const { id } of open.filter(one => one.key.startsWith(`${key}#`))) {
        await incidents.resolve({ id, by: 'controller', reason });
      }
    },
  };
}
