import { existsSync } from 'node:fs';
import type { Clock } from '@tidemark/shared/base/clock.ts';
import type { SysvService } from '@tidemark/shared/orders/kinds/service.ts';
import type { CommandPlace } from './command.ts';
import { createCommandService } from './script-service.ts';
import { resolveBelow } from './server-path.ts';
import { ServiceProblem, type ServiceProvider } from './service.ts';
import { findTool } from './tools.ts';

/**
 * LSB, init script actions: 1 and 2 are dead with something left behind, 3 is not running. OpenRC (rc-service(8) and
 * src/shared/rc.h) says 32 of a service that has crashed. All of these are down and can be started.
 */
const OPENRC_CRASHED = 32;
const DOWN_STATUSES = [1, 2, 3, OPENRC_CRASHED];

/** A component that an init script runs, by the server's own `service`, which keeps the agent's environment from it. */
export function createSysvService({ name }: SysvService, place: CommandPlace, clock: Clock): ServiceProvider {
  // OpenRC knows what it has started: told past it, it would believe the old state.
  const byOpenRc = existsSync(resolveBelow(place.root, '/run/openrc/softlevel'));
  const tools = byOpenRc ? ['rc-service', 'service'] : ['service', 'rc-service'];
  const program = tools.map(each => findTool(place.root, each)).find(found => found !== null) ?? null;
  if (program === null)
    throw new ServiceProblem('neither service nor rc-service is installed on this server: it has no init scripts');
  // Of an unknown script `service` says 1, which would be taken for one that is down.
  if (!existsSync(resolveBelow(place.root, `/etc/init.d/${name}`)))
    throw new ServiceProblem(`there is no init script /etc/init.d/${name}; correct the landscape`);
  return createCommandService(
    {
      name: 'sysv',
      start: [program, name, 'start'],
      stop: [program, name, 'stop'],
      status: [program, name, 'status'],
      reload: [program, name, 'reload'],
      downStatuses: DOWN_STATUSES,
      ...(byOpenRc ? { forget: { status: OPENRC_CRASHED, command: [program, name, 'zap'] as const } } : {}),
    },
    place,
    clock,
  );
}
