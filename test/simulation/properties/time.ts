import { isPatched } from '../world.ts';
import { isFirstStart, jobAt, nameOf, type Property } from './property.ts';

/* When things may happen, and that they come to an end. */

export const window: Property = {
  name: 'nothing outside the window',
  onStart({ world, now }, { truth, position, direction }) {
    const { start, end } = world.plan.header.window;
    const { clockOffsetMs } = truth.host.fate;
    if (now + clockOffsetMs < start) return `"${jobAt(truth, position).name}" begins before the window does`;
    if (direction === 'forward' && now + clockOffsetMs > end)
      return `"${jobAt(truth, position).name}" begins after the window`;
    return null;
  },
};

export const fits: Property = {
  name: 'nothing begins that does not fit',
  onStart({ world, now }, started) {
    if (!isFirstStart(started)) return null;
    const { end, reserveMs } = world.plan.header.window;
    const { truth } = started;
    const needed = truth.order.jobs.reduce((sum, job) => sum + job.expectedMs, 0);
    return now + truth.host.fate.clockOffsetMs + needed + reserveMs > end + DELIVERY_MS
      ? `${nameOf(truth)} begins ${Math.round((end - now) / 1000)} s before the end and needs ${Math.round((needed + reserveMs) / 1000)} s with the reserve`
      : null;
  },
};
/** A release that was decided in time waits for a connection, at most as long as a dispatch lives. */
const DELIVERY_MS = 5 * 60_000;

export const approval: Property = {
  name: 'no start after the approval has expired',
  onStart({ now, approvalExpiresAt }, started) {
    if (!isFirstStart(started) || now < approvalExpiresAt + DELIVERY_MS) return null;
    return `${nameOf(started.truth)} begins ${Math.round((now - approvalExpiresAt) / 1000)} s after the approval has expired`;
  },
};

/** Nothing that the rules wait for by themselves takes longer: a job's timeout with its retries, a soak, a silence. */
const PATIENCE_MS = 40 * 60_000;

export const moves: Property = {
  name: 'it waits for something',
  everyMinute({ world, now }, { events, state, endedAt, incidents: opened }) {
    const last = events.at(-1);
    if (endedAt !== null || !last || now < world.plan.header.window.start) return null;
    if (now - last.at < PATIENCE_MS || state === 'paused' || opened.some(incident => incident.state === 'open'))
      return null;
    return `nothing has happened for ${Math.round((now - last.at) / 60_000)} min, and nobody is asked anything`;
  },
};

export const ends: Property = {
  name: 'the run ends',
  atEnd({ world, now }, { state, endedAt }) {
    if (endedAt === null)
      return `it is still ${state} ${Math.round((now - world.plan.header.window.end) / 60_000)} min after the window`;
    const open = world.hosts.filter(truth => !isPatched(world, truth));
    return state === 'succeeded' && open.length > 0
      ? `it succeeded, and ${open.map(nameOf).join(', ')} are not patched`
      : null;
  },
};
