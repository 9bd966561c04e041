import { describe, expect, it } from 'vitest';
import { packagesSection } from './packages.ts';

const of = (name: string, version: string, more = {}) => ({
  name,
  version,
  architecture: 'amd64',
  held: false,
  state: 'installed',
  ...more,
});

describe('the packages of a server', () => {
  it('are listed by name, then architecture, with their sources and what is held or half done', () => {
    const { installed, ...rest } = packagesSection('apt', [
      of('zsh', '5.9-4'),
      of('libc6', '2.36-9', { architecture: 'i386', source: 'glibc' }),
      of('libc6', '2.36-9', { source: 'glibc', sourceVersion: '2.36-9', origin: 'Debian' }),
      of('tzdata', '2026a', { architecture: 'all', held: true }),
      of('demo-svc', '1.2', { architecture: 'all', state: 'half-configured' }),
    ]);
    expect(rest).toEqual({ manager: 'apt', architecture: 'amd64', count: 5, truncated: false });
    expect(installed.map(({ name, architecture }) => `${name}:${architecture}`)).toEqual([
      ...['demo-svc:all', 'libc6:amd64', 'libc6:i386', 'tzdata:all', 'zsh:amd64'],
    ]);
    expect(installed[1]).toEqual({
      ...{ name: 'libc6', version: '2.36-9', architecture: 'amd64', source: 'glibc', sourceVersion: '2.36-9' },
      ...{ origin: 'Debian', held: false, state: 'installed' },
    });
    expect([installed[0]?.state, installed[3]?.held, installed[4]?.source]).toEqual(['half-configured', true, 'zsh']);
  });

  it('say so where they are not all there', () => {
    const many = Array.from({ length: 10_001 }, (_, index) => of(`p${index}`, '1'));
    const section = packagesSection('apt', many);
    expect(section.installed).toHaveLength(10_000);
    expect(section).toMatchObject({ count: 10_001, truncated: true });
  });
});
