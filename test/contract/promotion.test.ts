import { generateKeyPairSync } from 'node:crypto';
import type { Evidence } from '@tidemark/controller/bundles/ports.ts';
import { createBundles } from '@tidemark/controller/bundles/service.ts';
import { encodeFileList } from '@tidemark/controller/harvest/file-list.ts';
import { bundleStore } from '@tidemark/controller/store/bundles.ts';
import { knownPackages, signatureStore } from '@tidemark/controller/store/signatures.ts';
import type { Store } from '@tidemark/controller/store/store.ts';
import { rawPublicKey } from '@tidemark/shared/signing/ed25519.ts';
import { signSignOff } from '@tidemark/shared/signing/sign-off.ts';
import type { TrustRoot } from '@tidemark/shared/signing/trust-root.ts';
import { sql } from 'drizzle-orm';
import { beforeEach, describe, expect, it } from 'vitest';
import { testStores } from '../support/database.ts';

const freshStore = testStores();
const FLEET = 'bank';
const DAY = 86_400_000;
const RINGS = `apiVersion: tidemark/v1
kind: Rings
spec:
  rings:
    - name: lab
    - {name: branches, needs: {age: 1d, hosts: 1, noOpenIncidents: true, signOff: {from: [grace], notAuthor: false}}}
    - name: vault
`;

describe('bundles and a site’s own rings', () => {
  let store: Store;
  let bundles: ReturnType<typeof createBundles>;
  let evidence: Evidence;
  let now: number;
  const grace = generateKeyPairSync('ed25519').privateKey;
  const mallory = generateKeyPairSync('ed25519').privateKey;
  let root: TrustRoot;

  beforeEach(async () => {
    store = await freshStore();
    now = Date.parse('2026-11-01T00:00:00Z');
    evidence = { patched: 0, failed: 0, atWork: 0, openIncidents: [] };
    root = {
      ...{ format: 'tidemark/trust-root/v1', fleet: FLEET, version: 1 },
      approvers: [{ name: 'grace', publicKey: rawPublicKey(grace).toString('base64'), classes: ['patch'] }],
      thresholds: { observe: 0, patch: 1, command: 1 },
    };
    bundles = createBundles({
      store: bundleStore(store),
      files: { adopt: () => Promise.reject(new Error('not here')), path: digest => digest },
      sources: {
        evidence: async () => evidence,
        trustRoot: async () => root,
        knownPackages: names => knownPackages(store, names),
      },
      clock: { now: () => now, monotonic: () => now },
    });
    await store.db.execute(sql`delete from bundles`);
    expect(await bundles.setRings({ text: RINGS, fileName: 'rings.yaml', by: 'ada' })).toMatchObject({ ok: true });
  });

  const packages = [{ name: 'openssl', version: '3.0.1', architecture: null, sha256: null }];
  const make = (change: object = {}) =>
    bundles.createBundle({ name: 'nov', releases: [], packages, ring: null, by: 'olga', ...change });
  const promote = (to: string, expedite: string | null = null) =>
    bundles.promote({ name: 'nov', to, expedite, by: 'ada' });
  async function sign(key = grace, change: { name?: string; ring?: string; bundle?: `sha256:${string}` } = {}) {
    const bundle = await bundles.bundle('nov');
    const content = { bundle: bundle?.digest ?? `sha256:${'0'.repeat(64)}`, name: 'nov', ring: 'branches', ...change };
    const signOff = { format: 'tidemark/sign-off/v1', fleet: FLEET, signedAt: now, ...content } as const;
    return bundles.signOff({ name: 'nov', envelope: signSignOff(signOff, key), by: 'grace' });
  }
  const audited = async () =>
    (await store.db.execute<{ action: string }>(sql`select action from audit order by id`)).map(({ action }) => action);

  it('are made in the first one, and no further than needs allow', async () => {
    expect(await make({ ring: 'branches' })).toMatchObject({
      error: { code: 'promotion-not-now', message: expect.stringContaining('make it in lab and promote it') },
    });
    expect(await make({ ring: 'valt' })).toMatchObject({ error: { code: 'ring-unknown' } });
    expect(await make({ advisories: ['DSA-1', 'DSA-1'] })).toMatchObject({
      value: { ring: 'lab', advisories: ['DSA-1'] },
    });
  });

  it('freeze what is known of their packages’ files, and stay what they are when more is known', async () => {
    const library = signatureStore(store);
    const digest = `sha256:${'7'.repeat(64)}` as const;
    const learn = (version: string, sha256: `sha256:${string}`) =>
      library.transaction(transaction =>
        transaction.add(
          {
            ...{ product: 'openssl', version, architecture: 'all', source: 'deb', vendor: null, installedBytes: 1 },
            package: { digest: sha256, bytes: 1 },
            attestations: [{ tier: 'vendor', by: 'key', via: 'http://deb.example/debian bookworm', evidence: '' }],
            ...{ importedBy: 'ada', importedAt: now },
          },
          encodeFileList([]),
          [],
        ),
      );
    const file = `apiVersion: tidemark/v1
kind: Bundle
spec: {packages: [{package: zlib1g=1.3-1, advisories: [DSA-2]}], advisories: [DSA-3]}
`;
    const manifest = { text: file, fileName: 'nov.yaml' };
    await learn('3.0.1', digest);
    const made = await make({ manifest, packages: [{ ...packages[0], advisories: ['DSA-1'] }] });
    expect(made).toMatchObject({
      value: {
        advisories: ['DSA-1', 'DSA-2', 'DSA-3'],
        packages: [
          { name: 'openssl', sha256: digest, source: 'http://deb.example/debian bookworm', advisories: ['DSA-1'] },
          { name: 'zlib1g', sha256: null, advisories: ['DSA-2'] },
        ],
      },
    });
    expect(await bundles.bundle('nov')).toEqual(made.ok && made.value);
    await learn('3.0.1', `sha256:${'8'.repeat(64)}`);
    expect(await make({ manifest, packages: [{ ...packages[0], advisories: ['DSA-1'] }] })).toEqual(made);
    expect(await make({ manifest })).toMatchObject({ error: { code: 'bundle-exists' } });
    expect(await make({ name: 'dec', manifest: { ...manifest, text: 'kind: Bundel' } })).toMatchObject({
      error: { code: 'bundle-invalid', message: expect.stringContaining('no bundle was made') },
    });
  });

  it('go on with age, numbers and a signature, each of which is said while it is missing', async () => {
    await make();
    expect(await promote('branches')).toMatchObject({ error: { code: 'promotion-not-now' } });
    expect((await bundles.outlook('nov'))?.next?.needs.map(({ need, met }) => [need, met])).toEqual([
      ['age', false],
      ['hosts', false],
      ['incidents', true],
      ['sign-off', false],
    ]);
    now += DAY;
    evidence = { ...evidence, patched: 1 };
    expect(await promote('branches')).toMatchObject({ error: { message: expect.stringContaining('of grace: none') } });
    expect(await sign()).toMatchObject({ ok: true });
    expect(await promote('branches')).toMatchObject({
      value: { bundle: { ring: 'branches', ringSince: now }, warnings: [] },
    });
    expect(await promote('vault')).toMatchObject({ value: { bundle: { ring: 'vault' } } });
    expect((await bundles.outlook('nov'))?.next).toBeNull();
    expect(await audited()).toEqual(
      expect.arrayContaining(['rings.changed', 'bundle.created', 'bundle.signed-off', 'bundle.promoted']),
    );
  });

  it('take no signature of a stranger, for another bundle, another content or a ring that is not there', async () => {
    await make();
    expect(await sign(mallory)).toMatchObject({ error: { code: 'sign-off-invalid' } });
    expect(await sign(grace, { name: 'dec' })).toMatchObject({ error: { code: 'sign-off-invalid' } });
    expect(await sign(grace, { bundle: `sha256:${'1'.repeat(64)}` })).toMatchObject({
      error: { code: 'sign-off-invalid' },
    });
    expect(await sign(grace, { ring: 'nowhere' })).toMatchObject({ error: { code: 'ring-unknown' } });
    expect(await sign(grace, { ring: 'vault' })).toMatchObject({ ok: true });
    // Signed for another ring: nothing that counts here.
    expect((await bundles.outlook('nov'))?.next?.needs.at(-1)).toMatchObject({ need: 'sign-off', met: false });
  });

  it('lose a signature with the trust in who gave it', async () => {
    await make();
    await sign();
    expect((await bundles.outlook('nov'))?.next?.needs.at(-1)?.met).toBe(true);
    root = {
      ...root,
      approvers: [{ name: 'grace', publicKey: rawPublicKey(mallory).toString('base64'), classes: ['patch'] }],
    };
    expect((await bundles.outlook('nov'))?.next?.needs.at(-1)?.met).toBe(false);
  });

  it('go in a hurry without time and numbers, say so, and say whom they overtake', async () => {
    await make({ name: 'oct', packages: [{ ...packages[0], version: '3.0.0' }] });
    now += 1;
    await make();
    await sign();
    expect(await promote('branches', 'CVE-2026-1 is used')).toMatchObject({
      value: {
        warnings: [
          expect.stringContaining('it went without what branches needs: 24 h in lab'),
          expect.stringContaining('1 servers patched in lab: 0 so far'),
          'it overtakes oct, which is in lab and brings openssl too',
        ],
      },
    });
    const [entry] = await store.db.execute<{ detail: string }>(
      sql`select detail from audit where action = 'bundle.promoted'`,
    );
    expect(JSON.parse(entry?.detail ?? '{}')).toMatchObject({ expedited: 'CVE-2026-1 is used' });
  });

  it('are held, released and withdrawn, each with who and why', async () => {
    await make();
    await sign();
    const word = (of: 'hold' | 'release' | 'withdraw', name = 'nov') =>
      bundles[of]({ name, reason: 'because', by: 'ada' });
    expect(await word('hold', 'nothing')).toMatchObject({ error: { code: 'bundle-unknown' } });
    expect(await word('hold')).toMatchObject({ value: { held: { by: 'ada', reason: 'because', at: now } } });
    expect(await promote('branches', 'now')).toMatchObject({ error: { code: 'bundle-frozen' } });
    expect(await word('release')).toMatchObject({ value: { held: null } });
    expect(await promote('branches', 'now')).toMatchObject({ ok: true });
    expect(await word('withdraw')).toMatchObject({ value: { withdrawn: { by: 'ada', reason: 'because', at: now } } });
    expect(await promote('vault')).toMatchObject({ error: { code: 'bundle-frozen' } });
    expect(await word('hold')).toMatchObject({ error: { code: 'bundle-frozen' } });
    expect((await audited()).filter(action => /held|released|withdrawn/.test(action))).toEqual([
      ...['bundle.held', 'bundle.released', 'bundle.withdrawn'],
    ]);
  });

  it('keep their rings: a file without one in which there are bundles changes nothing, nor does one with an error', async () => {
    await make();
    const before = await bundles.rings();
    const without = RINGS.replace('    - name: lab\n', '    - name: cellar\n');
    expect(await bundles.setRings({ text: without, fileName: 'rings.yaml', by: 'ada' })).toMatchObject({
      error: { code: 'ring-in-use', message: expect.stringContaining('nov (in lab)') },
    });
    const broken = RINGS.replace('age: 1d', 'age: soon');
    expect(await bundles.setRings({ text: broken, fileName: 'rings.yaml', by: 'ada' })).toMatchObject({
      error: { code: 'rings-invalid', details: [{ file: 'rings.yaml', line: 6 }] },
    });
    expect(await bundles.rings()).toEqual(before);
    expect(before.map(({ name }) => name)).toEqual(['lab', 'branches', 'vault']);
  });
});
