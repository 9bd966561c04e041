import { expect, it } from 'vitest';
import {
  parseBreaks,
  parseConffiles,
  parseErrors,
  parseFailures,
  parseInstalled,
  parseMissing,
  parsePrinted,
  parseUpdates,
  saysLocked,
} from './pacman-output.ts';

/* As pacman 6.0 of Debian 12 said it. */

it('names the script that failed by what was worked on', () => {
  const text = `:: Processing package changes...
upgrading demo-lib...
upgrading demo-svc...
demo-svc: migration failed
error: command failed to execute correctly
`;
  expect(parseFailures(text)).toEqual([
    {
      name: 'demo-svc',
      script: 'post_upgrade',
      reason: 'command failed to execute correctly',
      output: ['demo-svc: migration failed'],
    },
  ]);
});

it('takes no hook of the server for the script of a package', () => {
  const text = `upgrading demo-svc...
:: Running post-transaction hooks...
(1/1) Arming ConditionNeedsUpdate...
error: command failed to execute correctly
`;
  expect(parseFailures(text)).toEqual([]);
});

it('says whose configuration stayed', () => {
  const text = `downgrading demo-svc...
warning: /etc/demo-svc/demo.conf installed as /etc/demo-svc/demo.conf.pacnew
`;
  expect(parseConffiles(text)).toEqual([
    { path: '/etc/demo-svc/demo.conf', other: '/etc/demo-svc/demo.conf.pacnew', kept: true },
  ]);
});

it('reads what is installed, held, offered and newer', () => {
  expect(parseInstalled('demo-app 1.0-1\ndemo-svc 1:1.0-1\n', ['demo-s*'])).toMatchObject([
    { name: 'demo-app', version: '1.0-1', held: false },
    { name: 'demo-svc', version: '1:1.0-1', held: true },
  ]);
  expect(parsePrinted('v11|demo-lib|1.1-1|file:///srv/pacman/demo-lib-1.1-1-any.pkg.tar.zst|638\n')).toEqual([
    { repository: 'v11', name: 'demo-lib', version: '1.1-1', file: 'demo-lib-1.1-1-any.pkg.tar.zst', bytes: 638 },
  ]);
  expect([...parseUpdates('demo-app 1.0-1 -> 1.1-1\ndemo-svc 1.0-1 -> 1.2-1 [ignored]\n')]).toEqual([
    ['demo-app', '1.1-1'],
    ['demo-svc', '1.2-1'],
  ]);
});

it('says why it would not begin', () => {
  const breaks = `error: failed to prepare transaction (could not satisfy dependencies)
:: removing demo-lib breaks dependency 'demo-lib=1.0' required by demo-app
`;
  expect(parseBreaks(breaks)).toEqual(['demo-app']);
  expect(parseErrors(breaks)).toContain("breaks dependency 'demo-lib=1.0' required by demo-app");
  expect(parseMissing('error: target not found: nonsense\n')).toEqual(['nonsense']);
  expect(saysLocked('error: failed to init transaction (unable to lock database)\n')).toBe(true);
});
