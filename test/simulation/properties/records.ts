import type { IncidentRecord } from '../store/database.ts';
import { type HostTruth, isPatched, isTakenBack, isTouched } from '../world.ts';
import { membersOf, nameOf, type Property, together } from './property.ts';

/* What people are told, against what is true. */

export const incidents: Property = {
  name: 'every held thing has an incident',
  atEnd({ world }, { incidents: opened, hosts }) {
    for (const truth of world.hosts) {
      const halfDone = isTouched(truth) && !isPatched(world, truth) && !isTakenBack(world, truth);
      const record = hosts.get(truth.planned.id);
      if (!halfDone && record?.held == null) continue;
      const about = [truth, ...membersOf(world, truth), ...together(world, truth)].map(({ planned }) => planned.id);
      if (opened.some(({ hostId }) => hostId !== null && about.includes(hostId))) continue;
      return `${nameOf(truth)} ${halfDone ? 'stands half done' : `is held (${record?.held})`} and nobody is asked about it`;
    }
    return null;
  },
};

/** Of the host, or of another one and it names this one: whoever is asked then knows of both. */
const isAbout = ({ hostId, detail }: IncidentRecord, { planned: { id, name } }: HostTruth): boolean =>
  hostId === id || detail.split(/[^\w-]+/).includes(name);

export const batch: Property = {
  name: 'what is held for the night is released',
  atEnd({ world }, { incidents: opened }) {
    for (const truth of world.hosts) {
      const at = (kind: string) => truth.order.jobs.findIndex(job => job.call.kind === kind);
      const [hold, release] = [at('batch/hold'), at('batch/release')];
      if (hold < 0 || !truth.passed.has(hold) || truth.passed.has(release) || isTakenBack(world, truth)) continue;
      if (opened.some(incident => isAbout(incident, truth))) continue;
      return `batch work on ${nameOf(truth)} stays held and nobody is asked about it`;
    }
    return null;
  },
};

export const truthful: Property = {
  name: 'nothing that was reported is lost',
  atEnd({ world }, { hosts }) {
    for (const truth of world.hosts) {
      // What has not been acknowledged yet may not be known.
      if (truth.host.spool.length > 0) continue;
      const record = hosts.get(truth.planned.id);
      for (const [position, job] of truth.order.jobs.entries()) {
        const known = record?.jobs.find(one => one.position === position && one.direction === 'forward');
        const began = (truth.starts[position] ?? 0) > 0;
        const says = known?.state ?? '';
        const lost = began && ['pending', 'released'].includes(says);
        const invented = !began && ['running', 'succeeded', 'failed'].includes(says);
        if (lost || invented)
          return `"${job.name}" ${began ? 'was begun' : 'was not begun'}, and on record it is ${says}`;
      }
    }
    return null;
  },
};

export const comesToItsEnd: Property = {
  name: 'what began comes to its end',
  atEnd({ world, calm }) {
    const half = world.hosts.filter(
      truth => isTouched(truth) && !isPatched(world, truth) && !isTakenBack(world, truth),
    );
    return calm && half.length > 0
      ? `${half.map(nameOf).join(', ')} stand half done after a night in which nothing asked for that`
      : null;
  },
};
