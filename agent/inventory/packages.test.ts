import { describe, expect, it } from 'vitest';
import { packagesFact } from './packages.ts';

const of = (name: string, version: string, more = {}) => ({
  name,
  version,
  architecture: 'amd64',
  held: false,
  state: 'installed',
  ...more,
});

describe('the packages of a server as facts', () => {
  it('are its versions by name, what is held, what is half done and what is newer', () => {
    const fact = packagesFact(
      'apt',
      [
        of('zsh', '5.9-4'),
        of('libc6', '2.36-9'),
        of('libc6', '2.36-9', { architecture: 'i386' }),
        of('tzdata', '2026a', { architecture: 'all', held: true }),
        of('demo-svc', '1.2', { architecture: 'all', state: 'half-configured' }),
      ],
      new Map([['zsh', '5.9-5']]),
    );
    expect(fact).toEqual({
      manager: 'apt',
      count: 5,
      installed: { 'demo-svc': '1.2', libc6: '2.36-9', 'libc6:i386': '2.36-9', tzdata: '2026a', zsh: '5.9-4' },
      truncated: false,
      held: ['tzdata'],
      broken: { 'demo-svc': 'half-configured' },
      updates: { zsh: '5.9-5' },
    });
  });

  it('say so where they are not all there', () => {
    const many = Array.from({ length: 10_001 }, (_, index) => of(`p${index}`, '1'));
    const fact = packagesFact('apt', many, new Map());
    expect(Object.keys(fact.installed)).toHaveLength(10_000);
    expect(fact).toMatchObject({ count: 10_001, truncated: true });
  });
});
