import type { createIncidents } from '../incidents/service.ts';
import type { DriftIncidents } from '../verification/ports.ts';

/**
 * Incidents of drift. A cause that comes back after somebody dealt with it is a new incident, so keys are counted: the
 * one that is open, if any, is the last of its cause.
 */
export function driftIncidents(
  incidents: Pick<ReturnType<typeof createIncidents>, 'open' | 'withKey' | 'resolve'>,
  hostIdOf: (host: string) => Promise<string | null>,
): DriftIncidents {
  return {
    async open({ key, host, title, detail }) {
      const before = await incidents.withKey(`${key}#`);
      if (before.some(({ state }) => state === 'open')) return;
      const hostId = host === null ? null : await hostIdOf(host);
      await incidents.open({ key: `${key}#${before.length + 1}`, run: null, hostId, title, detail });
    },
    async resolve(key, reason) {
      for (const { id, state } of await incidents.withKey(`${key}#`)) {
        if (state === 'open') await incidents.resolve({ id, by: 'controller', reason });
      }
    },
  };
}
