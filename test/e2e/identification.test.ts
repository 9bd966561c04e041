import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Identification, Owner, VersionOnHost } from '@tidemark/controller/api/contract/identification.ts';
import { debOf } from '@tidemark/controller/harvest/testing/packages.ts';
import { sha256 } from '@tidemark/shared/base/digest.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Fleet } from '../support/fleet.ts';

/** A package with programs, a library and configuration, in two versions. */
const filesOf = (version: string): Record<string, { content: string; mode?: number }> => ({
  '/usr/bin/shop': { content: `#!/bin/sh\necho ${version}\n`, mode: 0o755 },
  '/usr/bin/shopctl': { content: `#!/bin/sh\nexec shop ${version}\n`, mode: 0o755 },
  '/usr/lib/shop/same': { content: 'the same in all versions\n' },
  '/etc/shop.conf': { content: `# of ${version}\n` },
});

describe('which version is where, on the command line', () => {
  let fleet: Fleet;

  beforeAll(async () => {
    fleet = await Fleet.start();
    writeFileSync(
      fleet.path('landscape.yaml'),
      'apiVersion: tidemark/v1\nkind: Landscape\nhosts: [{name: one}, {name: two}]\n',
    );
    await fleet.cliOk('landscape', 'import', fleet.path('landscape.yaml'));
    for (const version of ['1.0', '2.0']) {
      const deb = await debOf({
        control: `Package: shop\nVersion: ${version}\nArchitecture: all\nMaintainer: shop\nDescription: shop\n`,
        conffiles: '/etc/shop.conf\n',
        data: Object.entries(filesOf(version)).map(([path, { content, mode = 0o644 }]) => ({
          name: `.${path}`,
          content,
          mode,
        })),
      });
      writeFileSync(fleet.path(`shop_${version}.deb`), deb);
      await fleet.cliOk('signatures', 'import', fleet.path(`shop_${version}.deb`), '--key', fleet.keyOf('ada'));
    }
    for (const [host, version] of [
      ['one', '1.0'],
      ['two', '2.0'],
    ] as const) {
      await fleet.enrol(host);
      for (const [path, { content, mode }] of Object.entries(filesOf(version))) write(host, path, content, mode);
      fleet.startAgent(host);
    }
    await fleet.allConnected(['one', 'two']);
    for (const host of ['one', 'two']) await fleet.cliOk('scan', host);
  });

  afterAll(() => fleet?.stop());

  function write(host: string, path: string, content: string, mode = 0o644): void {
    const file = join(fleet.root(host), path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, content, { mode });
  }

  it('says of a host that it is complete, and what it rests on', async () => {
    const found = await fleet.cliJson<Identification>('identify', 'two');
    expect(found.packages.map(({ product, state, versions }) => [product, state, versions])).toEqual([
      ['shop', 'complete', [{ version: '2.0', tier: 'operator' }]],
    ]);
    expect(found.programs.explainedBytes).toBe(found.programs.bytes);
    expect(found.programs.byTier.operator).toBe(found.programs.bytes);
    const text = await fleet.cliOk('identify', 'two');
    expect(text).toMatch(/100\.0 % of \d+ B that can run is explained: 100\.0 % operator \(2 known versions\)/);
  });

  it('shows the matrix of versions and hosts', async () => {
    const hosts = await fleet.cliJson<VersionOnHost[]>('get', 'versions', '--product', 'shop');
    expect(hosts.map(({ host, versions }) => [host, versions])).toEqual([
      ['one', ['1.0']],
      ['two', ['2.0']],
    ]);
    const [titles, one, two] = (await fleet.cliOk('get', 'versions', '--product', 'shop')).split('\n');
    expect(titles).toMatch(/^HOST +2\.0 +1\.0 +REGISTERED +TIER$/);
    expect(one).toMatch(/^one +- +complete +/);
    expect(two).toMatch(/^two +complete +- +/);
    const unknown = await fleet.cli('get', 'versions', '--product', 'nothing');
    expect([unknown.code, unknown.stderr]).toEqual([
      1,
      expect.stringContaining('nothing is known of a product nothing'),
    ]);
    const none = await fleet.cli('get', 'versions');
    expect([none.code, none.stderr]).toEqual([2, expect.stringContaining('--product NAME')]);
  });

  it('says who owns a path or a content', async () => {
    const byPath = await fleet.cliJson<Owner[]>('owner', '/bin/shop');
    expect(byPath.map(({ product, versions, path }) => [product, versions, path])).toEqual([
      ['shop', ['1.0'], '/usr/bin/shop'],
      ['shop', ['2.0'], '/usr/bin/shop'],
    ]);
    const same = sha256(Buffer.from(filesOf('1.0')['/usr/lib/shop/same']?.content ?? '')).toString('hex');
    const byContent = await fleet.cliJson<Owner[]>('owner', `sha256:${same}`);
    expect(byContent.map(({ versions, path }) => [versions, path])).toEqual([[['1.0', '2.0'], '/usr/lib/shop/same']]);
    expect((await fleet.cli('owner', 'shop')).code).toBe(2);
  });

  it('names what is mixed, edited, left over and of nobody after a patch that went wrong', async () => {
    write('two', '/usr/bin/shopctl', filesOf('1.0')['/usr/bin/shopctl']?.content ?? '', 0o755);
    write('two', '/etc/shop.conf', 'edited\n');
    write('two', '/usr/local/bin/other', '#!/bin/sh\n', 0o755);
    await fleet.cliOk('scan', 'two');
    const found = await fleet.cliJson<Identification>('identify', 'two');
    expect(found.packages.map(({ sentence }) => sentence)).toEqual([
      '2 of 3 files of 2.0; 1 still 1.0: /usr/bin/shopctl',
    ]);
    expect(found.strays.map(({ path }) => path)).toEqual(['/usr/local/bin/other']);
    expect(found.edited).toEqual(['/etc/shop.conf']);
    const text = await fleet.cliOk('identify', 'two');
    expect(text).toContain('shop: 2 of 3 files of 2.0; 1 still 1.0: /usr/bin/shopctl  (operator)');
    expect(text).toContain('1 program of no known content:\n    /usr/local/bin/other  sha256:');
  });
});
