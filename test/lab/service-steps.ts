import { type ServiceChange, ServiceProblem, type ServiceProvider } from '@tidemark/agent/platform/service.ts';
import { runStep, type StepEnd } from './agent.ts';
import type { Host } from './host.ts';

/** The provider of a component on a host, used as orders use it: by steps. */
export function serviceBySteps(host: Host, service: Record<string, unknown>): ServiceProvider {
  const done = async (kind: string, more: Record<string, unknown>): Promise<StepEnd> => {
    const end = await runStep(host, { kind: `service/${kind}`, args: { component: 'c', service, ...more } });
    if (end.outcome !== 'succeeded') throw new ServiceProblem(end.message);
    return end;
  };
  const change = async (kind: string, waitMs: number) =>
    (await done(kind, { waitMs })).facts as unknown as ServiceChange;
  return {
    name: String(service['provider']),
    status: async () => (await done('status', { expect: null })).facts?.['state'] as 'up' | 'down',
    start: waitMs => change('start', waitMs),
    stop: waitMs => change('stop', waitMs),
    restart: waitMs => change('restart', waitMs),
    reload: waitMs => change('reload', waitMs),
  };
}
