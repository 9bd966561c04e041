import type { Services } from '../api/services.ts';
import type { Capabilities } from './capabilities.ts';

type Detail = NonNullable<Awaited<ReturnType<Services['incidents']['detail']>>>;

/** As much of an output's end as a person reads on a telephone at night; "run output" has all that is kept. */
const SHOWN_OUTPUT_BYTES = 4_096;

/** An incident with what the run knows about it now. */
export async function incidentDetail(
  { incidents, orchestrator, landscape }: Pick<Capabilities, 'incidents' | 'orchestrator' | 'landscape'>,
  id: number,
): Promise<Detail | null> {
  const incident = await incidents.get(id);
  if (incident === null) return null;
  const { run, host, position, direction } = incident;
  const resolve = `tidemark incident resolve ${id} --reason TEXT`;
  const situation = run === null ? null : await orchestrator.situation({ run, host, position });
  return {
    ...incident,
    job:
      run !== null && host !== null && position !== null
        ? await jobOf(orchestrator, { run, host, position, direction: direction ?? 'forward' })
        : null,
    peers: situation?.peers ?? [],
    held: situation?.held ?? [],
    noSpare: situation?.noSpare ?? [],
    impact: host === null ? null : await landscape.impact({ host, component: null }),
    minutesLeft: situation?.minutesLeft ?? null,
    actions: [...(situation?.actions ?? []), ...(incident.state === 'open' ? [resolve] : [])],
  };
}

async function jobOf(
  orchestrator: Capabilities['orchestrator'],
  about: { run: string; host: string; position: number; direction: 'forward' | 'undo' },
): Promise<Detail['job']> {
  const [job, view] = [await orchestrator.job(about), await orchestrator.view(about.run)];
  const shown = view?.hosts
    .find(({ host }) => host === about.host)
    ?.jobs.find(({ position, direction }) => position === about.position && direction === about.direction);
  if (job === null || !shown) return null;
  const end = Buffer.from(job.tail || job.head, 'base64').subarray(-SHOWN_OUTPUT_BYTES);
  const { name, step, state, attempt, attempts, message } = shown;
  return { name, step, state, attempt, attempts, message, output: end.toString('utf8') };
}
