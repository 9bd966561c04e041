import { describe, expect, it } from 'vitest';
import type { ClusterReport } from '../../api/contract/fingerprints.ts';
import { sampleDrift } from '../testing/samples.ts';
import { clusterLines, driftLines } from './drift.ts';
import { clusterCsv, driftCsv } from './drift-csv.ts';
import { clusterHtml, driftHtml } from './drift-html.ts';

const CLUSTER: ClusterReport = {
  cluster: 'orders-db',
  members: ['db01', 'db02', 'db03'].map(host => ({ host, scannedAt: sampleDrift.scannedAt })),
  identical: false,
  sentence: 'db02 differs from the other members of orders-db',
  patches: 0,
  outliers: [{ host: 'db02', groups: sampleDrift.groups }],
};

const withPath = (path: string) => {
  const [group] = sampleDrift.groups;
  const [entry] = group?.entries ?? [];
  if (!group || !entry) throw new Error('the sample has no entry');
  return { ...sampleDrift, groups: [{ ...group, entries: [{ ...entry, path }] }] };
};

describe('as CSV', () => {
  it('has a line a difference', () => {
    const lines = driftCsv(sampleDrift).split('\r\n');
    expect(lines[0]).toBe('host,against,class,product,plane,path,expected,found,waiver,note');
    expect(lines[1]).toContain(
      'db02,db01,modified-packaged,orders-db,software,/opt/orders-db/current/bin/serve,sha256:1111',
    );
    expect(lines).toHaveLength(4);
    expect(clusterCsv(CLUSTER).split('\r\n')[1]).toContain('db02,cluster orders-db,');
  });

  it.each([
    ['=cmd()', `"'=cmd()"`],
    ['/a,b', '"/a,b"'],
    ['/a"b', '"/a""b"'],
    ['/a\nb', '"/a\nb"'],
  ])('writes %j so that it stays one text', (path, field) => {
    expect(driftCsv(withPath(path))).toContain(`,software,${field},sha256`);
  });
});

describe('as a page', () => {
  it('holds the answer, the causes with their counts, and every file', () => {
    const page = driftHtml(sampleDrift);
    for (const part of [
      sampleDrift.sentence,
      '<td class="count">1</td>',
      '/opt/orders-db/current/bin/serve',
      '3'.repeat(64),
    ]) {
      expect(page).toContain(part);
    }
    expect(clusterHtml(CLUSTER)).toContain('<h2>db02</h2>');
  });

  it('loads nothing, and shows what servers say as text', () => {
    const page = driftHtml(withPath('/opt/<script>alert(1)</script>&"\u202e\u001b[31m'));
    expect(page).toContain('/opt/&lt;script&gt;alert(1)&lt;/script&gt;&amp;&quot;');
    expect(page).not.toMatch(/<script|https?:|src=|url\(/);
    expect(page).not.toContain('\u202e');
    expect(page).not.toContain('\u001b');
  });
});

describe('for people', () => {
  it('shows the first files of a cause, and all when asked', () => {
    const [group] = sampleDrift.groups;
    const [entry] = group?.entries ?? [];
    if (!group || !entry) throw new Error('the sample has no entry');
    const entries = Array.from({ length: 30 }, (_, index) => ({ ...entry, path: `/opt/file-${index}` }));
    const report = { ...sampleDrift, groups: [{ ...group, entries }] };
    expect(driftLines(report).at(-1)).toBe('  and 20 more: --files lists all');
    expect(driftLines(report, { files: true }).filter(line => line.includes('/opt/file-'))).toHaveLength(30);
  });

  it('names the member of a cluster before what makes it differ', () => {
    const lines = clusterLines(CLUSTER);
    expect(lines[0]).toMatch(/^cluster orders-db: db01 \(scanned .*\), db02/);
    expect(lines[3]).toBe('db02');
    expect(lines[5]).toContain('FILES');
  });
});
