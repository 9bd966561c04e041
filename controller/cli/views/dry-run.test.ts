import type { DryRun } from '@tidemark/shared/orders/dry-run.ts';
import { describe, expect, it } from 'vitest';
import { dryRunLines } from './dry-run.ts';

const result: DryRun = {
  manager: 'apt',
  changes: [
    { name: 'demo-svc', from: '1.0', to: '1.1', downloadBytes: 2_048, unpackedBytes: 10_240 },
    { name: 'libnew', from: null, to: '3', downloadBytes: null, unpackedBytes: null },
    { name: 'old', from: '1', to: null, downloadBytes: null, unpackedBytes: null },
  ],
  others: ['libnew'],
  downloadBytes: 2_048,
  unpackedBytes: 10_240,
  refused: ['demo-svc changes others too'],
  conffiles: [
    { path: '/etc/demo-svc/demo.conf', kept: true },
    { path: '/etc/b', kept: false },
  ],
  restarts: [
    { unit: 'demo-svc.service', byBoot: false },
    { unit: 'dbus.service', byBoot: true },
  ],
};

describe('a dry run', () => {
  it('says what would change, what refuses it, and who goes on with the old', () => {
    expect(dryRunLines({ host: 'web01', result, error: null })).toEqual([
      'web01: apt would change 3 packages, fetch 2.0 KiB and unpack 10.0 KiB',
      '  PACKAGE   FROM  TO       FILE     UNPACKED  LISTED',
      '  demo-svc  1.0   1.1      2.0 KiB  10.0 KiB  yes',
      '  libnew    new   3        -        -         no',
      '  old       1     removed  -        -         yes',
      '  would be refused: demo-svc changes others too',
      '  changed on the server, and kept: /etc/demo-svc/demo.conf',
      '  changed on the server, and replaced: /etc/b',
      '  on the old files until restarted: demo-svc.service',
      '  on the old files until a boot: dbus.service',
      '',
    ]);
  });

  it('says so where nothing would change, where there is no answer, and of a plan without packages', () => {
    const nothing = { ...result, changes: [], others: [], refused: [], conffiles: [], restarts: [] };
    const all = [
      { host: 'a', result: nothing, error: null },
      { host: 'b', result: null, error: 'the agent of b is not connected' },
      { host: 'c', result: null, error: null },
    ];
    expect(all.flatMap(dryRunLines).filter(line => line !== '')).toEqual([
      'a: apt would change nothing: all is so already',
      'b: the agent of b is not connected',
      'c: the plan changes no packages on it',
    ]);
  });

  it('shows nothing of a server that a terminal would obey', () => {
    const [first] = dryRunLines({ host: 'web01', result: null, error: 'a\u001b[2Jb' });
    expect(first).not.toContain('\u001b');
  });
});
