import { unreachable } from '@tidemark/shared/base/assert.ts';
import type { Service } from '@tidemark/shared/orders/kinds/service.ts';
import { createScriptService } from '../platform/script-service.ts';
import type { ServiceProvider } from '../platform/service.ts';
import { type Executor, report, type StepContext } from './executor.ts';

export const serviceStart: Executor<'service/start'> = async ({ component, service, waitMs }, context) => {
  const { changed, tookMs } = await providerOf(service, context).start(waitMs);
  return report(changed ? `${component} is up after ${Math.round(tookMs)} ms` : `${component} was up already`, {
    component,
    changed,
    tookMs: Math.round(tookMs),
  });
};

export const serviceStop: Executor<'service/stop'> = async ({ component, service, waitMs }, context) => {
  const { changed, tookMs } = await providerOf(service, context).stop(waitMs);
  return report(changed ? `${component} is down after ${Math.round(tookMs)} ms` : `${component} was down already`, {
    component,
    changed,
    tookMs: Math.round(tookMs),
  });
};

function providerOf(service: Service, context: StepContext): ServiceProvider {
  switch (service.provider) {
    case 'script':
      return createScriptService(service, context.place, context.clock);
    default:
      return unreachable(service.provider);
  }
}
