import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { gunzipSync, gzipSync } from 'node:zlib';
import type { PromotionSources } from '@tidemark/controller/bundles/ports.ts';
import { createBundles } from '@tidemark/controller/bundles/service.ts';
import { openArtifactFiles } from '@tidemark/controller/store/artifact-files.ts';
import { bundleStore } from '@tidemark/controller/store/bundles.ts';
import { canonicalJson } from '@tidemark/shared/base/canonical-json.ts';
import { systemClock } from '@tidemark/shared/base/clock.ts';
import { digestOf, sha256 } from '@tidemark/shared/base/digest.ts';
import type { ExactPackage } from '@tidemark/shared/orders/kinds/package.ts';
import { sql } from 'drizzle-orm';
import { type Header, pack } from 'tar-stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { testStores } from '../support/database.ts';

const openStore = testStores();

async function archive(entries: readonly (Partial<Header> & { name: string; content?: string })[]): Promise<Buffer> {
  const tar = pack();
  for (const { content, ...header } of entries) tar.entry({ mtime: new Date(0), ...header }, content ?? '');
  tar.finalize();
  return gzipSync(await buffer(tar));
}

const SOUND = [
  { name: 'bin/shop', mode: 0o755, content: '#!/bin/sh\n' },
  { name: 'lib/shop.txt', mode: 0o644, content: 'shop\n' },
  { name: 'lib/latest', type: 'symlink', linkname: 'shop.txt' },
] as const;

const NOTHING_KNOWN: PromotionSources = {
  evidence: async () => ({ patched: 0, failed: 0, atWork: 0, openIncidents: [] }),
  trustRoot: async () => null,
  knownPackages: async () => [],
};

describe('the library of releases', () => {
  let directory: string;
  let bundles: ReturnType<typeof createBundles>;
  let store: Awaited<ReturnType<typeof openStore>>;

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'tm-bundles-'));
    store = await openStore();
    bundles = createBundles({
      store: bundleStore(store),
      files: openArtifactFiles(join(directory, 'artifacts')),
      sources: NOTHING_KNOWN,
      clock: systemClock,
    });
  });

  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  const kept = () => (existsSync(join(directory, 'artifacts')) ? readdirSync(join(directory, 'artifacts')) : []);

  async function importBytes(name: string, bytes: Uint8Array, said: { product?: string; version?: string } = {}) {
    const file = join(directory, `upload-${Math.random()}`);
    writeFileSync(file, bytes);
    return bundles.importRelease({ file, name, ...said, by: 'ada' });
  }

  it('learns every file of an archive and keeps the archive by its digest', async () => {
    const bytes = await archive(SOUND);
    const imported = await importBytes('shop-1.0.0.tar.gz', bytes);
    expect(imported.ok && imported.value).toMatchObject({
      product: 'shop',
      version: '1.0.0',
      files: 3,
      unchanged: false,
    });
    const hex = sha256(bytes).toString('hex');
    expect(readFileSync(join(directory, 'artifacts', hex)).equals(bytes)).toBe(true);
    const rows =
      await store.sql`select convert_from(path, 'UTF8') as path, kind, digest, executable from signature_files order by 1`;
    expect(rows.map(({ path, kind, executable }) => [path, kind, executable])).toEqual([
      ['bin/shop', 'file', true],
      ['lib/latest', 'symlink', false],
      ['lib/shop.txt', 'file', false],
    ]);
    expect(rows[2]?.['digest'].equals(sha256(Buffer.from('shop\n')))).toBe(true);
    expect(rows[1]?.['digest'].equals(sha256(Buffer.from('shop.txt')))).toBe(true);
  });

  it('takes the same archive twice and changes nothing', async () => {
    const before = (await bundles.releases()).length;
    const again = await importBytes('shop-1.0.0.tar.gz', await archive(SOUND));
    expect(again.ok && again.value.unchanged).toBe(true);
    expect(await bundles.releases()).toHaveLength(before);
  });

  it.each([
    ['was altered', (file: string) => writeFileSync(file, 'rotten')],
    ['is gone', (file: string) => rmSync(file)],
  ])('mends a kept archive that %s when it is imported again', async (_, harm) => {
    const bytes = await archive(SOUND);
    const file = join(directory, 'artifacts', sha256(bytes).toString('hex'));
    harm(file);
    const again = await importBytes('shop-1.0.0.tar.gz', bytes);
    expect(again.ok && again.value.unchanged).toBe(true);
    expect(readFileSync(file).equals(bytes)).toBe(true);
  });

  it('refuses another archive for a version that is known, and keeps none of it', async () => {
    const before = kept();
    const other = await importBytes('shop-1.0.0.tar.gz', await archive([{ name: 'bin/shop', content: 'other' }]));
    expect(!other.ok && other.error.code).toBe('release-differs');
    expect(kept()).toEqual(before);
  });

  it.each([
    ['truncated', async () => (await archive(SOUND)).subarray(0, -20), /truncated/],
    // As tar leaves it when it is killed between two files while gzip closes its end in good order.
    ['cut between two files', async () => gzipSync(gunzipSync(await archive(SOUND)).subarray(0, 1024)), /truncated/],
    ['with something behind its end', async () => Buffer.concat([await archive(SOUND), Buffer.from('more')]), /gzip/],
    ['no gzip', async () => Buffer.from('hello'), /gzip/],
    ['no tar', async () => gzipSync(Buffer.alloc(2048, 'x')), /tar/],
    ['empty', async () => archive([]), /no file/],
    ['a path upwards', async () => archive([{ name: '../etc/passwd', content: 'x' }]), /"\.\."/],
    ['an absolute path', async () => archive([{ name: '/etc/passwd', content: 'x' }]), /absolute/],
    ['a link out', async () => archive([{ name: 'a', type: 'symlink', linkname: '../../etc' }]), /link/],
    ['a device', async () => archive([{ name: 'a', type: 'character-device' }]), /character device/],
    [
      'one file twice',
      async () =>
        archive([
          { name: 'a', content: '1' },
          { name: 'a', content: '2' },
        ]),
      /"a"/,
    ],
  ])('refuses an archive that is or holds %s, and keeps nothing', async (_, make, message) => {
    const before = kept();
    const refused = await importBytes('bad-1.0.0.tar.gz', await make());
    expect(refused.ok).toBe(false);
    if (!refused.ok) {
      expect(refused.error.code).toBe('bad-archive');
      expect(refused.error.message).toMatch(message);
    }
    expect(kept()).toEqual(before);
    expect((await bundles.releases()).map(release => release.product)).not.toContain('bad');
  });

  it('refuses a release for which there is no space, keeps nothing of it, and takes it once there is', async () => {
    const full = createBundles({
      store: bundleStore(store),
      files: {
        path: digest => digest,
        adopt: () => Promise.reject(Object.assign(new Error('no space'), { code: 'ENOSPC' })),
      },
      sources: NOTHING_KNOWN,
      clock: systemClock,
    });
    const bytes = await archive([{ name: 'a', content: 'large' }]);
    const file = join(directory, 'large');
    writeFileSync(file, bytes);
    const refused = await full.importRelease({ file, name: 'large-1.tar.gz', by: 'ada' });
    expect(!refused.ok && refused.error).toMatchObject({
      code: 'no-space',
      message: expect.stringContaining('free some'),
    });
    expect((await importBytes('large-1.tar.gz', bytes)).ok).toBe(true);
  });

  it('keeps one archive that is imported as two products at once', async () => {
    const bytes = await archive([{ name: 'a', content: 'shared' }]);
    const results = await Promise.all(
      ['one', 'two', 'three'].map(product => importBytes('x.tar.gz', bytes, { product, version: '1' })),
    );
    expect(results.map(result => result.ok)).toEqual([true, true, true]);
    expect(kept().filter(name => name.startsWith(sha256(bytes).toString('hex')))).toHaveLength(1);
  });

  it('refuses a file name that says no version, unless it is said beside it', async () => {
    const bytes = await archive([{ name: 'a', content: 'unnamed' }]);
    const refused = await importBytes('latest.tar.gz', bytes);
    expect(!refused.ok && refused.error.code).toBe('bad-name');
    expect((await importBytes('latest.tar.gz', bytes, { product: 'tool', version: '2' })).ok).toBe(true);
  });

  it('freezes a bundle: again the same is the same, another content is refused', async () => {
    const make = (releases: { product: string; version: string }[]) =>
      bundles.createBundle({ name: 'november', releases, ring: 'test', by: 'ada' });
    const first = await make([{ product: 'shop', version: '1.0.0' }]);
    const second = await make([{ product: 'shop', version: '1.0.0' }]);
    expect(first.ok && second.ok && second.value).toEqual(first.ok && first.value);
    const other = await make([{ product: 'tool', version: '2' }]);
    expect(!other.ok && other.error.code).toBe('bundle-exists');
    const unknown = await make([{ product: 'nothing', version: '1' }]);
    expect(!unknown.ok && unknown.error.code).toBe('release-unknown');
    const twice = await make([
      { product: 'shop', version: '1.0.0' },
      { product: 'shop', version: '1.0.0' },
    ]);
    expect(!twice.ok && twice.error.code).toBe('bundle-invalid');
  });

  it('freezes packages of the operating system beside releases, or alone', async () => {
    const make = (name: string, packages: ExactPackage[], releases = [{ product: 'shop', version: '1.0.0' }]) =>
      bundles.createBundle({ name, releases, packages, ring: 'test', by: 'ada' });
    const exact = (name: string, part: Partial<ExactPackage> = {}): ExactPackage => ({
      name,
      version: '1.1',
      architecture: null,
      sha256: null,
      ...part,
    });
    const sha256 = `sha256:${'a'.repeat(64)}` as const;
    const both = await make('both', [exact('zsh'), exact('bash', { sha256 })]);
    expect(both.ok && both.value.packages.map(each => each.name)).toEqual(['bash', 'zsh']);
    expect(await bundles.bundle('both')).toEqual(both.ok && both.value);
    expect((await make('both', [exact('bash', { sha256 }), exact('zsh')])).ok).toBe(true);
    const changed = await make('both', [exact('bash'), exact('zsh')]);
    expect(!changed.ok && changed.error.code).toBe('bundle-exists');
    expect((await make('alone', [exact('bash')], [])).ok).toBe(true);

    const refused = async (packages: ExactPackage[]) => {
      const made = await make('refused', packages, []);
      return made.ok ? null : `${made.error.code}: ${made.error.message}`;
    };
    expect(await refused([])).toBe('bundle-invalid: bundle refused: it must hold a release or a package');
    expect(await refused([exact('bash'), exact('bash', { version: '1.2' })])).toMatch(/it names package bash twice/);
    expect(
      await refused([exact('bash', { architecture: 'amd64' }), exact('bash', { architecture: 'i386' })]),
    ).toBeNull();
    expect(await refused([exact('-y')])).toMatch(/^bundle-invalid: .*"-y": must be the name of a package/);
  });

  it('gives a bundle of releases the digest that it had before there were packages', async () => {
    const made = await bundles.createBundle({
      name: 'as-before',
      releases: [{ product: 'shop', version: '1.0.0' }],
      packages: [],
      ring: 'test',
      by: 'ada',
    });
    const releases = made.ok ? made.value.releases : [];
    const text = canonicalJson({ name: 'as-before', releases });
    expect(made.ok && made.value.digest).toBe(digestOf(Buffer.from(text)));
  });

  it('promotes a bundle ring by ring, never back, and writes down who did', async () => {
    await importBytes('ring-1.0.0.tar.gz', await archive(SOUND));
    const made = { name: 'rings', releases: [{ product: 'ring', version: '1.0.0' }], ring: 'test', by: 'ada' } as const;
    expect((await bundles.createBundle(made)).ok).toBe(true);
    const to = async (ring: 'test' | 'inactive' | 'active', name = 'rings') => {
      const promoted = await bundles.promote({ name, to: ring, expedite: null, by: 'grace' });
      return promoted.ok ? promoted.value.bundle.ring : promoted.error.code;
    };
    expect(await to('inactive')).toBe('inactive');
    expect(await to('inactive')).toBe('inactive');
    expect(await to('test')).toBe('already-promoted');
    expect(await to('active')).toBe('active');
    expect(await to('active', 'nothing')).toBe('bundle-unknown');
    expect((await bundles.bundle('rings'))?.ring).toBe('active');
    const entries = await store.db.execute<{ actor: string; detail: string }>(
      sql`select actor, detail from audit where action = 'bundle.promoted' order by id`,
    );
    expect([...entries].map(({ actor, detail }) => ({ actor, ...(JSON.parse(detail) as object) }))).toMatchObject([
      { actor: 'grace', from: 'test', to: 'inactive' },
      { actor: 'grace', from: 'inactive', to: 'active' },
    ]);
  });
});
