import { expect, it } from 'vitest';
import { parseServices } from './services.ts';

it('services are what systemd has in memory and is installed, with whether they start by themselves', () => {
  const units = `nginx.service   loaded    active   running Web server
gone.service    not-found inactive dead    gone.service
getty@tty1.service loaded active running Getty on tty1
`;
  const files = 'nginx.service enabled enabled\ngetty@.service  static -\nunused.service disabled enabled\n';
  expect(parseServices(units, files)).toEqual({
    'nginx.service': { active: 'active', sub: 'running', enabled: 'enabled' },
    'getty@tty1.service': { active: 'active', sub: 'running', enabled: 'static' },
  });
});
