import { spawnSync } from 'node:child_process';
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { confinement, harvestConfined } from '@tidemark/controller/harvest/confined.ts';
import { decodeFileList } from '@tidemark/controller/harvest/file-list.ts';
import { PackageFound } from '@tidemark/controller/harvest/request.ts';
import { debOf, isThere, type RpmContent, rpmOf, tarOf, zipOf } from '@tidemark/controller/harvest/testing/packages.ts';
import { type Vendor, vendorOf } from '@tidemark/controller/harvest/testing/vendor.ts';
import type { SaidOfPackage } from '@tidemark/controller/signatures/ports.ts';
import { createSignatures } from '@tidemark/controller/signatures/service.ts';
import { signatureStore } from '@tidemark/controller/store/signatures.ts';
import { packageReader } from '@tidemark/controller/wiring/package-reader.ts';
import { systemClock } from '@tidemark/shared/base/clock.ts';
import { digestOf, sha256 } from '@tidemark/shared/base/digest.ts';
import { rawPublicKey } from '@tidemark/shared/signing/ed25519.ts';
import { type PackageStatement, signPackage } from '@tidemark/shared/signing/package.ts';
import type { TrustRoot } from '@tidemark/shared/signing/trust-root.ts';
import { sql } from 'drizzle-orm';
import { generateKey } from 'openpgp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { testStores } from '../support/database.ts';

const openStore = testStores();
const NOTHING: SaidOfPackage = { product: null, version: null, architecture: null, at: null, directory: false };
const FILES = [{ path: '/usr/bin/shop', content: 'run', mode: 0o100755 }];

const ada = generateKeyPairSync('ed25519').privateKey;
const root: TrustRoot = {
  format: 'tidemark/trust-root/v1',
  fleet: 'test',
  version: 1,
  approvers: [{ name: 'ada', publicKey: rawPublicKey(ada).toString('base64'), classes: ['patch'] }],
  thresholds: { observe: 0, patch: 1, command: 2 },
};

describe('what is known from packages', () => {
  let directory: string;
  let store: Awaited<ReturnType<typeof openStore>>;
  let signatures: ReturnType<typeof createSignatures>;

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'tm-signatures-'));
    store = await openStore();
    signatures = createSignatures({
      store: signatureStore(store),
      reader: packageReader,
      trustRoot: async () => root,
      clock: systemClock,
    });
  });

  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  async function importBytes(
    name: string,
    bytes: Buffer,
    options: { said?: Partial<SaidOfPackage>; key?: KeyObject; statement?: Partial<PackageStatement> } = {},
  ) {
    const file = join(directory, `upload-${Math.random()}`);
    writeFileSync(file, bytes);
    const digest = digestOf(bytes);
    const said = { ...NOTHING, ...options.said };
    const { product, version, architecture, at } = said;
    const statement = {
      format: 'tidemark/package/v1' as const,
      fleet: 'test',
      digest,
      product,
      version,
      architecture,
      at,
      signedAt: 1,
      ...options.statement,
    };
    const envelope = options.key ? signPackage(statement, [options.key]) : null;
    return signatures.importPackage({ file, name, digest, bytes: bytes.length, said, envelope, by: 'grace' });
  }

  const refusalOf = async (imported: ReturnType<typeof importBytes>) => {
    const result = await imported;
    return result.ok ? 'taken' : `${result.error.code}: ${result.error.message}`;
  };
  const known = async () => (await signatures.list()).length;
  const signedRpm = async (content: Partial<RpmContent> & { by: Vendor }) => {
    let header: Buffer = Buffer.alloc(0);
    const files = content.files ?? FILES;
    const signatureTags = (bytes: Buffer) => {
      header = bytes;
      return {};
    };
    rpmOf({ ...content, files, signatureTags });
    const signature = await content.by.sign(header);
    return rpmOf({ ...content, files, signatureTags: () => ({ 268: signature }) });
  };

  it('is a package that people vouch for, once however often it comes, with every file of it', async () => {
    const bytes = await debOf({
      data: [
        { name: './usr/bin/shop', content: 'run', mode: 0o755 },
        { name: './etc/shop.conf', content: 'port=1' },
      ],
      conffiles: '/etc/shop.conf\n',
    });
    const first = await importBytes('shop.deb', bytes, { key: ada });
    expect(first.ok && first.value).toMatchObject({
      unchanged: false,
      signature: {
        product: 'shop',
        version: '1:2.0-1',
        architecture: 'amd64',
        source: 'deb',
        files: 2,
        installedBytes: 9,
        attestations: [{ tier: 'operator', by: 'ada', via: '' }],
      },
    });
    const again = await importBytes('shop.deb', bytes, { key: ada });
    expect(again.ok && again.value.unchanged).toBe(true);
    expect(await known()).toBe(1);
    const id = first.ok ? first.value.signature.id : 0;
    expect((await signatures.describe(id, 0, 10))?.listed).toMatchObject([
      { path: '/etc/shop.conf', flags: ['config'], sha256: sha256(Buffer.from('port=1')).toString('hex') },
      { path: '/usr/bin/shop', flags: [], mode: 0o755 },
    ]);
    expect((await signatures.describe(id, 1, 1))?.listed.map(({ path }) => path)).toEqual(['/usr/bin/shop']);
    expect(await signatures.describe(99, 0, 1)).toBeNull();
    const entries = await store.db.execute<{ actor: string; detail: string }>(
      sql`select actor, detail from audit where action = 'signature.learned'`,
    );
    expect([...entries].map(({ actor, detail }) => ({ actor, ...(JSON.parse(detail) as object) }))).toMatchObject([
      { actor: 'grace', tier: 'operator', vouchedFor: 'ada', files: 2 },
    ]);
  });

  it('tells who owns a content or a path', async () => {
    const ids = async (of: Parameters<typeof signatures.owners>[0]) =>
      (await signatures.owners(of)).map(({ product }) => product);
    expect(await ids({ sha256: sha256(Buffer.from('run')).toString('hex') })).toEqual(['shop']);
    expect(await ids({ path: '/usr/bin/shop' })).toEqual(['shop']);
    expect(await ids({ sha256: sha256(Buffer.from('walk')).toString('hex') })).toEqual([]);
    expect(await ids({ path: '/usr/bin' })).toEqual([]);
  });

  it('shares one list among packages with the same files', async () => {
    const tar = await tarOf([{ name: 'a', content: 'a' }]);
    for (const version of ['1', '2']) {
      const taken = await importBytes('tool.tar', tar, {
        key: ada,
        said: { product: 'tool', version, at: '/opt/tool' },
      });
      expect(taken.ok).toBe(true);
    }
    const [row] = await store.db.execute<{ lists: number; signatures: number }>(
      sql`select count(distinct list)::int as lists, count(*)::int as signatures from product_signatures where product = 'tool'`,
    );
    expect(row).toEqual({ lists: 1, signatures: 2 });
    expect((await signatures.owners({ path: '/opt/tool/a' })).map(({ version }) => version)).toEqual(['1', '2']);
  });

  it('is refused where nobody vouches for it, or who does is not trusted, or says something else', async () => {
    const before = await known();
    const tar = await tarOf([{ name: 'b', content: 'b' }]);
    const said = { product: 'other', version: '1', at: '/opt' };
    expect(await refusalOf(importBytes('other.tar', tar, { said }))).toMatch(
      /^package-unsigned: other\.tar carries no signature/,
    );
    expect(await refusalOf(importBytes('other.deb', await debOf({ data: [{ name: './b', content: 'b' }] })))).toMatch(
      /^package-unsigned: .*repository/,
    );
    const stranger = generateKeyPairSync('ed25519').privateKey;
    expect(await refusalOf(importBytes('other.tar', tar, { said, key: stranger }))).toMatch(
      /^bad-statement: .*nobody who may patch/,
    );
    expect(
      await refusalOf(
        importBytes('other.tar', tar, { said, key: ada, statement: { digest: digestOf(Buffer.from('x')) } }),
      ),
    ).toMatch(/^bad-statement: .*another package/);
    expect(await refusalOf(importBytes('other.tar', tar, { said, key: ada, statement: { at: '/usr' } }))).toMatch(
      /^bad-statement: .*another at/,
    );
    expect(
      await refusalOf(importBytes('other.tar', tar, { said, key: ada, statement: { fleet: 'elsewhere' } })),
    ).toMatch(/^bad-statement: .*elsewhere/);
    expect(await known()).toBe(before);
  });

  it('is an rpm package whose vendor signed it, once an administrator has added the vendor', async () => {
    const vendor = await vendorOf('Vendor');
    const bytes = await signedRpm({ by: vendor });
    expect(await refusalOf(importBytes('shop.rpm', bytes))).toMatch(
      new RegExp(`^bad-signature: .*${vendor.fingerprint.slice(-16)}, which nobody has added.*key add`),
    );
    // Neither is it taken for less, where somebody here vouches for it.
    expect(await refusalOf(importBytes('shop.rpm', bytes, { key: ada }))).toMatch(/^bad-signature/);
    const added = await signatures.addKeys({ armored: vendor.armored, tier: 'vendor', by: 'root' });
    expect(added.ok && added.value).toMatchObject([
      { fingerprint: vendor.fingerprint, name: 'Vendor', tier: 'vendor' },
    ]);
    const taken = await importBytes('shop.rpm', bytes);
    expect(taken.ok && taken.value.signature.attestations).toMatchObject([{ tier: 'vendor', by: vendor.fingerprint }]);

    const other = await signedRpm({ by: vendor, tags: { 1001: '3.0' } });
    other[other.length - 40] = (other[other.length - 40] ?? 0) ^ 1;
    expect(await refusalOf(importBytes('shop.rpm', other))).toMatch(/^bad-package: .*payload.*nothing of it was kept/);
    const swapped = rpmOf({
      files: [{ path: '/usr/bin/shop', content: 'evil' }],
      signatureTags: () => ({ 268: signatureIn(bytes) }),
    });
    expect(await refusalOf(importBytes('shop.rpm', swapped))).toMatch(/^bad-signature/);
    expect(await refusalOf(importBytes('shop.rpm', rpmOf({ files: FILES, tags: { 1001: '4.0' } })))).toMatch(
      /^package-unsigned/,
    );

    expect((await signatures.removeKey({ fingerprint: vendor.fingerprint, by: 'root' })).ok).toBe(true);
    expect((await signatures.removeKey({ fingerprint: vendor.fingerprint, by: 'root' })).ok).toBe(false);
    expect(await refusalOf(importBytes('shop.rpm', await signedRpm({ by: vendor, tags: { 1001: '5.0' } })))).toMatch(
      /^bad-signature/,
    );
  });

  /** The signature header's only binary tag. */
  const signatureIn = (rpm: Buffer): Buffer => {
    const entries = rpm.readUInt32BE(96 + 8);
    const store = 96 + 16 + entries * 16;
    for (let at = 0; at < entries; at++) {
      const entry = 96 + 16 + at * 16;
      if (rpm.readUInt32BE(entry) === 268)
        return rpm.subarray(
          store + rpm.readUInt32BE(entry + 8),
          store + rpm.readUInt32BE(entry + 8) + rpm.readUInt32BE(entry + 12),
        );
    }
    throw new Error('no signature');
  };

  it('refuses keys that are none, or private', async () => {
    const rubbish = await signatures.addKeys({ armored: 'rubbish', tier: 'vendor', by: 'root' });
    expect(!rubbish.ok && rubbish.error.code).toBe('bad-key');
    const { privateKey } = await generateKey({
      type: 'rsa',
      rsaBits: 2048,
      userIDs: [{ name: 'x' }],
      format: 'armored',
    });
    const secret = await signatures.addKeys({ armored: privateKey, tier: 'vendor', by: 'root' });
    expect(!secret.ok && secret.error.message).toMatch(/private key/);
  });

  it.each<[string, () => Promise<Buffer>, RegExp]>([
    [
      'an archive with a path upwards',
      () => tarOf([{ name: '../x', content: '' }]),
      /^bad-package: x-1\.zip: .*"\.\." in its path; nothing/,
    ],
    [
      'a zip that was cut',
      async () => zipOf([{ name: 'a', content: 'a' }]).subarray(0, 40),
      /^bad-package: .*no sound zip/,
    ],
    ['text', async () => Buffer.from('hello'), /^bad-package: .*no package or archive of a kind/],
    ['nothing', async () => Buffer.alloc(0), /^bad-package: /],
  ])('refuses %s, by name, and keeps nothing', async (_, make, expected) => {
    const before = await known();
    expect(await refusalOf(importBytes('x-1.zip', await make(), { key: ada, said: { at: '/opt' } }))).toMatch(expected);
    expect(await known()).toBe(before);
  });
});

describe('the process that reads packages', () => {
  it.each([
    ['read another file', "require('node:fs').readFileSync('/etc/hostname')"],
    ['write a file', "require('node:fs').writeFileSync('/tmp/tm-never', '')"],
    ['start a program', "require('node:child_process').spawnSync('true')"],
    ['start a thread', "new (require('node:worker_threads').Worker)('1', { eval: true })"],
  ])('may not %s', (_, code) => {
    const { status, stderr } = spawnSync(process.execPath, [...confinement(import.meta.dirname), '-e', code], {
      encoding: 'utf8',
    });
    expect(status).toBe(1);
    expect(stderr).toContain('ERR_ACCESS_DENIED');
  });

  it('is whole where it was built, and needs nothing beside it', async () => {
    const dist = join(import.meta.dirname, '../../dist');
    const directory = mkdtempSync(join(tmpdir(), 'tm-built-'));
    try {
      const file = join(directory, 'shop.deb');
      const bytes = await debOf({ data: [{ name: './a', content: 'a' }], packing: isThere('xz') ? '.xz' : '.zst' });
      writeFileSync(file, bytes);
      const descriptor = openSync(file, 'r');
      const request = { kind: 'package', name: 'shop.deb', bytes: bytes.length, said: NOTHING, keys: [] };
      const { stdout, stderr } = spawnSync(
        process.execPath,
        [...confinement(dist), join(dist, 'tidemark-harvest.mjs')],
        {
          input: JSON.stringify(request),
          stdio: ['pipe', 'pipe', 'pipe', descriptor],
          env: {},
          cwd: '/',
          encoding: 'utf8',
        },
      );
      closeSync(descriptor);
      expect(stderr).toBe('');
      expect(JSON.parse(stdout)).toMatchObject({ ok: true, value: { product: 'shop', files: 1 } });
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  });

  it('reads the package and nothing else, and its end is the end of that package alone', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'tm-confined-'));
    try {
      const file = join(directory, 'x.tar');
      writeFileSync(file, await tarOf([{ name: 'a', content: 'a' }]));
      const request = {
        kind: 'package' as const,
        name: 'x-1.tar',
        bytes: 2048,
        said: { ...NOTHING, at: '/' },
        keys: [],
      };
      const read = await harvestConfined(request, file, PackageFound);
      expect(read.ok && decodeFileList(Buffer.from(read.value.list, 'base64')).map(({ path }) => path)).toEqual(['/a']);
      const late = await harvestConfined(request, file, PackageFound, 1);
      expect(!late.ok && late.error).toMatchObject({ code: 'reader-ended', message: expect.stringMatching(/SIGKILL/) });
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  });
});
