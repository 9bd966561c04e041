import { describe, expect, it } from 'vitest';
import { serviceIn } from './batch-units.ts';

describe('the service that a process belongs to', () => {
  it.each([
    ['version 2', '0::/system.slice/cron.service\n', 'cron.service'],
    [
      'version 1',
      '9:memory:/\n1:name=systemd:/system.slice/cron.service\n0::/system.slice/other.service\n',
      'cron.service',
    ],
    ['a group of its own below the service', '0::/system.slice/atd.service/job\n', 'atd.service'],
    ['a service in a service: the inner one', '0::/user.slice/user@0.service/app.slice/x.service', 'x.service'],
    ['a session', '0::/user.slice/user-0.slice/session-1.scope\n', null],
    ['another hierarchy only', '4:pids:/system.slice/cron.service\n', null],
    ['nothing', '', null],
  ])('is read from its control groups: %s', (_what, text, service) => {
    expect(serviceIn(text)).toBe(service);
  });
});
