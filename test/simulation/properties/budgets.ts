import { present } from '@tidemark/shared/base/assert.ts';
import type { World } from '../world.ts';
import { nameOf, type Property, together } from './property.ts';

/**
 * In the order in which the controllers learned of things, so that nobody is blamed for what could not be known. Who resumes
 * a run accepts what has failed by then, and whoever was silent by then: what becomes of that one is known already.
 */
export const budgets: Property = {
  name: 'budgets',
  atEnd({ world }, { events, incidents }) {
    const silences = new Set(
      incidents.flatMap(({ key, hostId, title }) => (key.startsWith('silent:') ? [`${hostId}\0${title}`] : [])),
    );
    const failed = new Set<string>();
    const silent = new Set<string>();
    let accepted: ReadonlySet<string> = new Set();
    const begun = new Set<string>();
    for (const { event, host, job: id, direction, attempt, message } of events) {
      if (event === 'run-resumed') accepted = new Set([...failed, ...silent]);
      if (host === null) continue;
      const truth = present(world.byName.get(host), host);
      if (event === 'incident-opened' && silences.has(`${truth.planned.id}\0${message}`)) silent.add(host);
      if (direction !== 'forward') continue;
      if (event === 'released' && !begun.has(host)) {
        begun.add(host);
        const exceeded = exceededBudget(world, failed, accepted);
        const isUnderWay = together(world, truth).some(
          other => failed.has(nameOf(other)) || (begun.has(nameOf(other)) && other !== truth),
        );
        if (exceeded !== null && !isUnderWay)
          return `${host} is released although ${failed.size} hosts have failed: ${exceeded}`;
      }
      const job = truth.order.jobs.find(one => one.id === id);
      const final = event === 'failed' && job && (attempt ?? 1) > job.retries.max && job.onFailure !== 'continue';
      if (final || event === 'unknown' || event === 'missed') failed.add(host);
    }
    return null;
  },
};

function exceededBudget(world: World, failed: ReadonlySet<string>, accepted: ReadonlySet<string>): string | null {
  const { header } = world.plan;
  for (const { scope, of, maxFailed, maxFailedShare, action } of header.budgets) {
    if (scope !== 'run' && scope !== 'wave') continue;
    const waves =
      scope === 'run' ? [null] : header.waves.map(({ name }) => name).filter(name => of === null || of === name);
    for (const wave of waves) {
      const all = header.hosts.filter(host => wave === null || host.wave === wave).map(({ name }) => name);
      const bad = all.filter(name => failed.has(name));
      // Nobody can accept what stops a run.
      if (action === 'pause' && bad.every(name => accepted.has(name))) continue;
      const where = wave === null ? '' : ` of wave ${wave}`;
      if (maxFailed !== null && bad.length > maxFailed) return `${maxFailed}${where} may`;
      if (maxFailedShare !== null && bad.length / all.length > maxFailedShare)
        return `${maxFailedShare * 100} %${where} may`;
    }
  }
  return null;
}
