import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { until } from './command.ts';
import { pacmanConfiguration, REPOSITORY_FILES, rpmSource } from './families.ts';
import { Lab } from './lab.ts';

describe('hosts of other families of packages', () => {
  let lab: Lab;

  beforeAll(async () => {
    lab = await Lab.start({
      names: ['deb', 'rpm', 'suse', 'arch'],
      familyOf: { rpm: 'rpm', suse: 'zypper', arch: 'pacman' },
      bare: true,
    });
  });
  afterAll(() => lab?.down());

  it.each([
    ['rpm', ['dnf', '-y', '-q', 'install', 'demo-svc'], ['dnf', '-y', '-q', '--refresh', 'upgrade']],
    ['suse', ['zypper', '-n', 'install', 'demo-svc'], ['sh', '-c', 'zypper -n refresh -f && zypper -n update']],
    ['arch', ['pacman', '-Sy', '--noconfirm', 'demo-svc'], ['pacman', '-Sy', '--noconfirm', 'updates/demo-svc']],
  ] as const)('install and upgrade a service from a repository of their own: %s', async (name, install, upgrade) => {
    const host = lab.host(name);
    expect((await host.exec(['dpkg', '--version'])).code).not.toBe(0);
    await host.execOk(install);
    expect((await host.execOk(['systemctl', 'is-active', 'demo-svc'])).trim()).toBe('active');
    if (name === 'arch') host.write(REPOSITORY_FILES.pacman, pacmanConfiguration('updates'));
    else host.write(REPOSITORY_FILES[name === 'rpm' ? 'rpm' : 'zypper'], rpmSource('updates'));
    await host.execOk(upgrade);
    // The service says so itself, once it runs.
    await until('the new version has begun', () => host.read('/var/lib/demo-svc/marks') === 'start 1.0\nstart 1.1\n');
  });

  it('are beside those of Debian', async () => {
    expect(await lab.host('deb').execOk(['dpkg', '--audit'])).toBe('');
  });
});
