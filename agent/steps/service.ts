import { unreachable } from '@tidemark/shared/base/assert.ts';
import type { Service } from '@tidemark/shared/orders/kinds/service.ts';
import { createScriptService } from '../platform/script-service.ts';
import type { ServiceChange, ServiceProvider } from '../platform/service.ts';
import { createUnitMasks } from '../platform/systemd-mask.ts';
import { createSystemdService } from '../platform/systemd-service.ts';
import { createSysvService } from '../platform/sysv-service.ts';
import { createWindowsService } from '../platform/windows-service.ts';
import { type Executor, report, type StepContext, StepFailed } from './executor.ts';

export const serviceStart: Executor<'service/start'> = async ({ component, service, waitMs }, context) =>
  changed(component, 'up', await providerOf(service, context).start(waitMs));

export const serviceStop: Executor<'service/stop'> = async ({ component, service, waitMs }, context) =>
  changed(component, 'down', await providerOf(service, context).stop(waitMs));

export const serviceRestart: Executor<'service/restart'> = async ({ component, service, waitMs }, context) =>
  changed(component, 'up anew', await providerOf(service, context).restart(waitMs));

export const serviceReload: Executor<'service/reload'> = async ({ component, service, waitMs }, context) =>
  changed(component, 'reloaded', await providerOf(service, context).reload(waitMs));

export const serviceStatus: Executor<'service/status'> = async ({ component, service, expect }, context) => {
  const state = await providerOf(service, context).status();
  const facts = { component, state };
  if (expect !== null && state !== expect)
    throw new StepFailed(`${component} is ${state}, and must be ${expect} here; look why, then try again`, facts);
  return report(`${component} is ${state}`, facts);
};

export const serviceMask: Executor<'service/mask'> = async ({ component, service }, context) => {
  const { masked, others } = await createUnitMasks(context.stateDir, context.place).mask(component, service.units);
  const before = others.length > 0 ? `; ${others.join(', ')} was masked before, by somebody else, and stays so` : '';
  const what =
    masked.length > 0
      ? `${masked.join(', ')} of ${component} cannot be started until it is unmasked`
      : 'nothing was masked';
  return report(`${what}${before}`, { component, masked, others });
};

export const serviceUnmask: Executor<'service/unmask'> = async ({ component }, context) => {
  const { released, booted } = await createUnitMasks(context.stateDir, context.place).unmask(component);
  const facts = { component, released, booted };
  if (released.length > 0) return report(`${released.join(', ')} of ${component} can be started again`, facts);
  const why = booted ? 'the server has booted since, which released what was masked' : 'nothing is masked for it';
  return report(`nothing of ${component} had to be unmasked: ${why}`, facts);
};

function changed(component: string, state: string, { changed, tookMs, notes = [] }: ServiceChange) {
  const took = Math.round(tookMs);
  const said = changed ? `${component} is ${state} after ${took} ms` : `${component} was ${state} already`;
  const facts = { component, changed, tookMs: took, ...(notes.length > 0 ? { notes } : {}) };
  return report([said, ...notes].join('; '), facts);
}

function providerOf(service: Service, context: StepContext): ServiceProvider {
  switch (service.provider) {
    case 'script':
      return createScriptService(service, context.place, context.clock);
    case 'systemd':
      return createSystemdService(service, context.place, context.clock);
    case 'sysv':
      return createSysvService(service, context.place, context.clock);
    case 'windows':
      return createWindowsService(service, context.place, context.clock);
    default:
      return unreachable(service);
  }
}
