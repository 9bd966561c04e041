import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';
import { debOf, rpmOf } from '@tidemark/controller/harvest/testing/packages.ts';
import {
  aptRepository,
  type PoolPackage,
  type RepositoryFiles,
  rpmRepository,
} from '@tidemark/controller/harvest/testing/repositories.ts';
import { type Vendor, vendorOf } from '@tidemark/controller/harvest/testing/vendor.ts';
import postgres from 'postgres';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Fleet, until } from '../support/fleet.ts';

/* What is known of packages, from the command line to the database: a real controller, real packages, a real signed repository. */

const NOW = Date.now();
const HOUR = 3_600_000;

async function deb(product: string, version: string, content = product): Promise<PoolPackage> {
  const bytes = await debOf({
    control: `Package: ${product}\nVersion: ${version}\nArchitecture: amd64\nMaintainer: Ada <ada@example.invalid>\nDescription: x\n`,
    conffiles: `/etc/${product}.conf\n`,
    data: [
      { name: `./usr/bin/${product}`, content, mode: 0o755 },
      { name: `./etc/${product}.conf`, content: 'port=1' },
    ],
    packing: '.zst',
  });
  return { product, version, architecture: 'amd64', path: `pool/${product}_${version}_amd64.deb`, bytes };
}

async function rpm(product: string, by: Vendor): Promise<PoolPackage> {
  const content = {
    files: [{ path: `/usr/bin/${product}`, content: product, mode: 0o100755 }],
    tags: { 1000: product },
  };
  let header: Buffer = Buffer.alloc(0);
  rpmOf({
    ...content,
    signatureTags: bytes => {
      header = bytes;
      return {};
    },
  });
  const signature = await by.sign(header);
  const bytes = rpmOf({ ...content, signatureTags: () => ({ 268: signature }) });
  return { product, version: '2.0-1', architecture: 'x86_64', path: `Packages/${product}.rpm`, bytes };
}

interface Row {
  product: string;
  version: string;
  tier: string;
  unchanged: boolean;
}

describe('what is known from packages', () => {
  let fleet: Fleet;
  let vendor: Vendor;
  let stranger: Vendor;
  let server: Server;
  const served: RepositoryFiles = new Map();

  beforeAll(async () => {
    [vendor, stranger] = await Promise.all([vendorOf('Vendor <v@example.invalid>'), vendorOf('Stranger')]);
    fleet = await Fleet.start({ controller: ['repositoryNetworks: [127.0.0.1/32]'] });
    server = createServer((request, reply) => {
      const bytes = served.get(decodeURIComponent((request.url ?? '').slice(1)));
      if (bytes) reply.end(bytes);
      else reply.writeHead(404).end();
    });
    await new Promise<void>(done => server.listen(0, '127.0.0.1', done));
  });
  afterAll(async () => {
    server?.close();
    await fleet?.stop();
  });

  const write = (name: string, bytes: Buffer | string): string => {
    mkdirSync(dirname(fleet.path(name)), { recursive: true });
    writeFileSync(fleet.path(name), bytes);
    return fleet.path(name);
  };
  /** Lays a repository out below a directory, and gives that. */
  const layOut = (name: string, files: RepositoryFiles): string => {
    for (const [path, bytes] of files) write(`${name}/${path}`, bytes);
    return fleet.path(name);
  };
  const importing = (...args: string[]) => fleet.cliJson<Row[]>('signatures', 'import', ...args);
  const refused = async (...args: string[]) => {
    const { code, stderr } = await fleet.cli('signatures', 'import', ...args);
    return `${code}: ${stderr.trim().split('\n').at(-1)}`;
  };
  const known = async () =>
    (await fleet.cliJson<Row[]>('get', 'signatures'))
      .map(({ product, version, tier }) => `${product} ${version} ${tier}`)
      .sort();

  it('is nothing before somebody is trusted', async () => {
    const file = write('shop.rpm', (await rpm('shop', vendor)).bytes);
    expect(await refused(file)).toMatch(/^1: .*which nobody has added.*signatures key add/);
    const loose = write('shop_1.0_amd64.deb', (await deb('shop', '1.0')).bytes);
    expect(await refused(loose)).toMatch(/^1: .*carries no signature.*import that/);
    expect(await known()).toEqual([]);
  });

  it('is a package of a vendor whose key was added, and one that somebody here vouches for', async () => {
    const keyring = write('vendor.asc', vendor.armored);
    const [added] = await fleet.cliJson<{ fingerprint: string }[]>(
      'signatures',
      'key',
      'add',
      keyring,
      '--tier',
      'vendor',
    );
    expect(added?.fingerprint).toBe(vendor.fingerprint);
    // As distributions ship theirs.
    await fleet.cliOk('signatures', 'key', 'add', write('vendor.gpg', vendor.keys), '--tier', 'vendor');
    expect(await fleet.cliOk('signatures', 'key', 'list')).toContain('Vendor <v@example.invalid>');
    expect(await importing(fleet.path('shop.rpm'))).toMatchObject([
      { product: 'shop', tier: 'vendor', unchanged: false },
    ]);
    expect(await importing(fleet.path('shop_1.0_amd64.deb'), '--key', fleet.keyOf('ada'))).toMatchObject([
      { product: 'shop', version: '1.0', tier: 'operator' },
    ]);
    expect(await known()).toEqual(['shop 1.0 operator', 'shop 2.0-1 vendor']);
  });

  it('is a repository of apt in a directory, as its signed index vouches for it', async () => {
    const packages = [await deb('shop', '1.0'), await deb('shop', '1.1', 'new'), await deb('lib', '3')];
    const files = await aptRepository({ packages, by: vendor, dated: NOW - HOUR, packing: '.zst' });
    const directory = layOut('mirror', files);
    expect(await refused(directory)).toMatch(/^1: .*no server has reported packages of dpkg yet.*--package NAME/);
    expect(await importing(directory, '--package', 'shop')).toMatchObject([
      { product: 'shop', version: '1.0', tier: 'vendor', unchanged: false },
      { product: 'shop', version: '1.1', tier: 'vendor', unchanged: false },
    ]);
    const again = await fleet.cli('signatures', 'import', directory, '--all');
    expect(again).toMatchObject({ code: 0, stderr: expect.stringMatching(/signed by Vendor .*: 3 packages, 1 new/) });
    expect(await known()).toEqual(['lib 3 vendor', 'shop 1.0 vendor', 'shop 1.1 vendor', 'shop 2.0-1 vendor']);
    const text = await fleet.cliOk('describe', 'signature', 'shop@1.0', '-o', 'wide');
    expect(text).toMatch(new RegExp(`vendor: +${vendor.fingerprint} in ${directory} stable`));
    expect(text).toMatch(/operator: +ada/);
    expect(text).toMatch(/\/etc\/shop\.conf.*config/);
    expect(text).toMatch(/\/usr\/bin\/shop +file +0755/);
  });

  it('is nothing of a repository that is older, a stranger has signed, or that is damaged', async () => {
    const before = await known();
    const packages = [await deb('shop', '1.2'), await deb('game', '1')];
    const older = layOut(
      'mirror',
      await aptRepository({ packages, by: vendor, dated: NOW - 2 * HOUR, packing: '.zst' }),
    );
    expect(await refused(older, '--all')).toMatch(/^1: .*was seen before: an old one hides what is newer/);
    const strange = layOut('strange', await aptRepository({ packages, by: stranger }));
    expect(await refused(strange, '--all')).toMatch(/^1: .*which nobody has added.*signatures key add/);
    const files = await aptRepository({ packages, by: vendor });
    const damaged = layOut('damaged', new Map(files).set('pool/game_1_amd64.deb', Buffer.from('other')));
    expect(await refused(damaged, '--all')).toMatch(/^1: .*pool\/game_1_amd64\.deb: it is not what the index says/);
    // What an index names makes nobody give away what lies elsewhere.
    const linked = layOut('linked', new Map([...files].filter(([path]) => !path.includes('game'))));
    symlinkSync(fleet.keyOf('ada'), join(linked, 'pool/game_1_amd64.deb'));
    expect(await refused(linked, '--all')).toMatch(/^1: .*pool\/game_1_amd64\.deb: it is not there/);
    expect(await known()).toEqual(before);
    expect(await importing(damaged, '--all', '--except', 'game')).toMatchObject([{ product: 'shop', version: '1.2' }]);
  });

  it('is a repository at an address, which the controller reads itself', async () => {
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    for (const [path, bytes] of await rpmRepository({ packages: [await rpm('web', vendor)], dated: NOW }))
      served.set(`rpm/${path}`, bytes);
    for (const [path, bytes] of await aptRepository({ packages: [await deb('far', '1')], by: vendor }))
      served.set(`apt/${path}`, bytes);
    expect(await importing(`${url}/rpm`, '--all')).toMatchObject([
      { product: 'web', version: '2.0-1', tier: 'vendor' },
    ]);
    expect(await importing(`${url}/apt/dists/stable/`, '--all')).toMatchObject([{ product: 'far', version: '1' }]);
    expect(await refused(`${url}/apt`, '--all')).toMatch(/^1: .*no rpm repository.*--suite NAME/);
    expect(await refused(`${url}/apt`, '--suite', 'none', '--all')).toMatch(/^1: .*nobody vouches for it/);
    served.set('rpm/repodata/repomd.xml', Buffer.from(`${served.get('rpm/repodata/repomd.xml')}<`));
    expect(await refused(`${url}/rpm`, '--all')).toMatch(/^1: .*no sound XML/);
  });

  it('is all of a repository also where the controller was killed in the middle of it, and nothing before', async () => {
    const before = await known();
    const packages = await Promise.all(Array.from({ length: 24 }, (_, at) => deb(`part${at + 10}`, '1')));
    const directory = layOut('parts', await aptRepository({ packages, by: vendor }));
    const cut = fleet.cli('signatures', 'import', directory, '--all');
    const read = async () => {
      const sql = postgres({
        host: fleet.state('postgres', 'socket'),
        username: 'tidemark',
        database: 'tidemark',
        max: 1,
      });
      const [row] = await sql<{ count: number }[]>`select count(*)::int as count from read_packages`;
      await sql.end();
      return row?.count ?? 0;
    };
    await until('some packages have been read', async () => (await read()) >= 4);
    await fleet.killController();
    expect((await cut).code).toBe(1);
    await fleet.startController();
    expect(await known()).toEqual(before);
    expect(await read()).toBeGreaterThanOrEqual(4);
    expect(await importing(directory, '--all')).toHaveLength(24);
    expect(await read()).toBe(0);
    expect(await known()).toHaveLength(before.length + 24);
  });

  it('is told in the audit log', async () => {
    expect(await fleet.cliOk('audit', 'list')).toContain('signatures.repository');
    expect(readFileSync(fleet.path('controller.log'), 'utf8')).not.toMatch(/"level":50/);
  });
});
