import type { PlannerComponent } from './input.ts';
import { describe, draft, type JobDraft } from './job-draft.ts';

/* Jobs on services and on the server itself that say nothing about what is patched. */

const LISTED = 'the policy lists it';

export function restartJob(component: PlannerComponent, waitMs: number): JobDraft[] {
  const { service, name } = component;
  if (!service) return [];
  return [
    draft({
      suffix: name,
      name: `restart ${describe(component)}`,
      component: name,
      reason: LISTED,
      call: { kind: 'service/restart', args: { component: name, service, waitMs } },
    }),
  ];
}

/** Only what a service manager runs can be told to read its configuration again. */
export function reloadJob(component: PlannerComponent, waitMs: number): JobDraft[] {
  const { service, name } = component;
  if (!service || service.provider === 'script' || service.provider === 'windows') return [];
  return [
    draft({
      suffix: name,
      name: `reload ${describe(component)}`,
      component: name,
      reason: LISTED,
      call: { kind: 'service/reload', args: { component: name, service, waitMs } },
    }),
  ];
}

export function statusJob(component: PlannerComponent, expect: 'up' | 'down'): JobDraft[] {
  const { service, name } = component;
  if (!service) return [];
  return [
    draft({
      suffix: name,
      name: `check that ${describe(component)} is ${expect}`,
      component: name,
      reason: LISTED,
      call: { kind: 'service/status', args: { component: name, service, expect } },
    }),
  ];
}

/** Of components that systemd runs; there is nothing to mask in others. */
export function maskJob(component: PlannerComponent, verb: 'mask' | 'unmask'): JobDraft[] {
  const { service, name } = component;
  if (service?.provider !== 'systemd') return [];
  const args = { component: name, service };
  const other = verb === 'mask' ? 'unmask' : 'mask';
  return [
    draft({
      suffix: name,
      name: `${verb} ${describe(component)}`,
      component: name,
      reason: verb === 'mask' ? 'nothing shall start it while the server is patched' : 'it was masked for the patch',
      call: { kind: `service/${verb}`, args },
      undo: { kind: `service/${other}`, args },
    }),
  ];
}

export const reboot = (
  host: string,
  { when, max, down }: { when: 'needed' | 'always'; max: number; down: number },
): JobDraft =>
  draft({
    name: `reboot ${host}${when === 'needed' ? ' until it needs no reboot' : ''}`,
    reason: when === 'needed' ? 'only where the server says that it needs one' : LISTED,
    call: { kind: 'system/reboot', args: { when, maxReboots: max, downMs: down } },
  });

export function wait(host: string, args: { for?: number | undefined; booted?: number | undefined }): JobDraft {
  const booted = args.booted !== undefined;
  return draft({
    name: booted ? `wait until ${host} has booted` : `wait on ${host}`,
    reason: LISTED,
    call: { kind: 'system/wait', args: { until: booted ? 'booted' : 'elapsed', ms: args.booted ?? args.for ?? 0 } },
  });
}

export const loaded = (host: string, ignore: string[]): JobDraft =>
  draft({
    name: `check that ${host} runs what is installed`,
    reason: 'a replaced file that a process still runs is not patched',
    call: { kind: 'check/loaded', args: { ignore } },
  });
