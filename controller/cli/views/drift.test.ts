import { describe, expect, it } from 'vitest';
import { sampleDrift } from '../testing/samples.ts';
import { driftLines } from './drift.ts';

describe('the drift report', () => {
  it('gives the answer first, then by cause and product each file with class, expected and found', () => {
    expect(driftLines(sampleDrift)).toEqual([
      'db02 (scanned 2026-03-21 21:00:00Z) against db01 (scanned 2026-03-21 20:59:00Z)',
      '2 differences: 1 modified-packaged, 1 unmanaged-executable',
      '',
      '  FILES  PRODUCT    CLASS                 CAUSE',
      '  1      orders-db  modified-packaged     files of a product were changed',
      '  1      -          unmanaged-executable  programs that nobody delivered',
      '',
      'files of a product were changed — modified-packaged, orders-db, 1 file',
      '  PATH                              EXPECTED      FOUND',
      '  /opt/orders-db/current/bin/serve  111111111111  222222222222',
      '',
      'programs that nobody delivered — unmanaged-executable, 1 file',
      '  PATH       EXPECTED  FOUND         WHY',
      '  /opt/evil  nothing   333333333333  appeared since yesterday',
    ]);
  });

  it('gives whole digests when asked for more', () => {
    expect(driftLines(sampleDrift, { wide: true }).join('\n')).toContain(`sha256:${'2'.repeat(64)}`);
  });

  it('shows what may differ only when asked for, and says once what holds of all files of a cause', () => {
    const entry = { product: null, plane: 'config' as const, expected: null, found: null, note: 'a log' };
    const entries = ['/a.log', '/b.log'].map(path => ({ ...entry, class: 'generated' as const, path }));
    const group = { cause: 'files that hosts make themselves', class: 'generated' as const, product: null, entries };
    const report = { ...sampleDrift, identical: true, groups: [group] };
    expect(driftLines(report).slice(3)).toEqual([
      '  FILES  PRODUCT  CLASS      CAUSE',
      '  2      -        generated  files that hosts make themselves',
    ]);
    expect(driftLines(report, { files: true }).slice(6)).toEqual([
      'files that hosts make themselves — generated, 2 files',
      '  a log',
      '  PATH    EXPECTED  FOUND',
      '  /a.log  nothing   nothing',
      '  /b.log  nothing   nothing',
    ]);
  });

  it('says what a host was held against where that is no host', () => {
    const report = { ...sampleDrift, against: 'signatures', againstScannedAt: null, groups: [], identical: true };
    expect(driftLines(report)[0]).toBe('db02 (scanned 2026-03-21 21:00:00Z) against what its products should be');
  });
});
