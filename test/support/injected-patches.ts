import { randomUUID } from 'node:crypto';
import type { ListedFile } from '@tidemark/controller/harvest/file-list.ts';
import type { RegisteredPackages } from '@tidemark/controller/identification/records.ts';
import type { HostIdentification } from '@tidemark/controller/identification/service.ts';
import type { Store } from '@tidemark/controller/store/store.ts';
import { createVerificationStore } from '@tidemark/controller/store/verification.ts';
import { sha256 } from '@tidemark/shared/base/digest.ts';
import type { FlatEntry } from '@tidemark/shared/fingerprint/build.ts';
import { emptyCoverage } from '@tidemark/shared/fingerprint/counting.ts';
import { profileDigest, type ScanProfile } from '@tidemark/shared/fingerprint/profile.ts';
import { LINUX_SERVER } from '@tidemark/shared/fingerprint/profiles.ts';
import { buildInMemory, metaNode } from '@tidemark/shared/testing/trees.ts';
import { addHost } from './fingerprint-server.ts';
import type { KnownProduct } from './known-products.ts';
import { type Random, seeded } from './mutated-trees.ts';

/* Servers as packages leave them, and what goes wrong when they are patched. Paths are one character a byte. */

export type Server = Map<string, FlatEntry>;

const META = { file: metaNode(0o644).id, program: metaNode(0o755).id };

/** A file as a scan sees it once it is installed. */
export function installed({ path, kind, target, sha256: digest, mode, size }: ListedFile): FlatEntry {
  const executable = ((mode ?? 0) & 0o111) !== 0 || path.endsWith('.so') || path.includes('.so.');
  const meta = ((mode ?? 0) & 0o111) !== 0 ? META.program : META.file;
  return {
    path: Buffer.from(path, 'latin1'),
    plane: path.startsWith('/etc/') && !executable ? 'config' : 'software',
    content:
      kind === 'symlink'
        ? { kind, target: Buffer.from(target ?? '', 'latin1'), meta }
        : {
            kind: 'file',
            executable,
            keyed: false,
            size,
            digest: Buffer.from(digest ?? '', 'hex'),
            normalised: null,
            meta,
          },
  };
}

export function install(server: Server, files: readonly ListedFile[]): void {
  for (const file of files) server.set(file.path, installed(file));
}

/** Keeps a server as the newest fingerprint of a host of this name. */
export async function keepServer(store: Store, host: string, server: Server): Promise<string> {
  return keepScan(store, await addHost(store, host), server);
}

export function keepScan(store: Store, hostId: string, server: Server, profile = LINUX_SERVER): Promise<string> {
  const { roots, nodes } = buildInMemory(server.values());
  return keepTrees(store, hostId, { roots, nodes: [...nodes.values()] }, profile);
}

export async function keepTrees(
  store: Store,
  hostId: string,
  { roots, nodes }: { roots: { software: Buffer; config: Buffer }; nodes: readonly { id: Buffer; data: Buffer }[] },
  profile: ScanProfile = LINUX_SERVER,
): Promise<string> {
  const verification = createVerificationStore(store);
  for (let at = 0; at < nodes.length; at += 5_000) await verification.addNodes(nodes.slice(at, at + 5_000));
  const scan = randomUUID();
  await verification.commit(
    {
      hostId,
      scan,
      profile,
      profileDigest: profileDigest(profile),
      softwareRoot: roots.software,
      configRoot: roots.config,
      coverage: emptyCoverage(),
      startedMs: 1,
      finishedMs: 2,
    },
    { finished: nodes.map(({ id }) => id), reliedOn: [] },
  );
  const [newest] = await verification.fingerprints(hostId, 1);
  if (!newest) throw new Error('the fingerprint was not kept');
  return newest.id;
}

const INJECTIONS = ['missing', 'old', 'extra', 'edited'] as const;
type Injection = (typeof INJECTIONS)[number];

const FATE_OF = { missing: 'missing', old: 'as-in', extra: 'left-over', edited: 'modified' } as const;

/**
 * Breaks the installation of a product's version in these ways, a few files each, and edits its configuration, which is no
 * finding. Gives what must be said: `missing /usr/bin/a`.
 */
function breakPatch(
  server: Server,
  product: KnownProduct,
  of: number,
  ways: readonly Injection[],
  random: Random,
): string[] {
  const [now, before] = [product.versions[of]?.files ?? [], product.versions[of - 1]?.files ?? []];
  const old = new Map(before.map(file => [file.path, file]));
  const paths = new Set(now.map(({ path }) => path));
  const countable = now.filter(({ flags }) => flags.length === 0);
  const changed = countable.filter(({ path, sha256: digest }) => old.has(path) && old.get(path)?.sha256 !== digest);
  const gone = before.filter(({ path, flags }) => flags.length === 0 && !paths.has(path));
  const expected: string[] = [];
  const taken = new Set<string>();
  const pick = (from: readonly ListedFile[], most: number): ListedFile[] => {
    const free = from.filter(({ path }) => !taken.has(path));
    const count = Math.min(free.length, 1 + random(most));
    const chosen = Array.from({ length: count }, () => free.splice(random(free.length), 1)[0]).filter(
      file => file !== undefined,
    );
    for (const { path } of chosen) taken.add(path);
    return chosen;
  };
  for (const way of ways) {
    // Never all that changed: that would be the version before.
    const from = { missing: countable, old: changed.slice(1), extra: gone, edited: countable }[way];
    for (const file of pick(from, 4)) {
      expected.push(`${FATE_OF[way]} ${file.path}`);
      const before = old.get(file.path);
      if (way === 'missing') server.delete(file.path);
      else if (way === 'edited') server.set(file.path, edited(file, random));
      else if (before) server.set(file.path, installed(before));
    }
  }
  for (const file of now)
    if (file.flags.includes('config') && random(2) === 0) server.set(file.path, edited(file, random));
  return expected.sort();
}

function edited(file: ListedFile, random: Random): FlatEntry {
  const digest = sha256(Buffer.from(`${file.path} edited ${random(1 << 30)}`));
  return installed({ ...file, kind: 'file', sha256: digest.toString('hex'), size: file.size + 1 });
}

/** Every way alone, every two, three, and all together. */
const INJECTION_SETS: readonly (readonly Injection[])[] = Array.from({ length: 15 }, (_, bits) =>
  INJECTIONS.filter((_, at) => ((bits + 1) & (1 << at)) !== 0),
);

/**
 * A server with these products, one of them broken in the ways that `number` says: what identification should have said of it and
 * did not, and what it should not have said.
 */
export async function injectedCase(
  number: number,
  {
    store,
    products,
    identify,
  }: {
    store: Store;
    products: readonly KnownProduct[];
    identify: (fingerprint: string, registered: RegisteredPackages) => Promise<HostIdentification | null>;
  },
): Promise<{ label: string; expected: string[]; wrong: string[] }> {
  const random = seeded(number);
  const versions = products.map(product => 1 + random(product.versions.length - 1));
  const versionOf = (at: number) => products[at]?.versions[versions[at] ?? 0];
  const server: Server = new Map();
  for (const at of products.keys()) install(server, versionOf(at)?.files ?? []);
  const broken = random(products.length);
  const product = products[broken];
  const ways = INJECTION_SETS[number % INJECTION_SETS.length] ?? [];
  const expected = product ? breakPatch(server, product, versions[broken] ?? 0, ways, random) : [];
  const fingerprint = await keepServer(store, `case-${number}`, server);
  const installed = new Map(products.map(({ name }, at) => [name, versionOf(at)?.version ?? '']));
  const found = await identify(fingerprint, { manager: 'apt', installed, architecture: 'x64', truncated: false });
  const label = `case ${number}: ${ways.join(' and ')} in ${product?.name} ${versionOf(broken)?.version}`;
  const wrong: string[] = [];
  const said = (found?.products ?? []).flatMap(({ product: name, exceptions }) =>
    exceptions.map(({ fate, path }) => (name === product?.name ? `${fate} ${path}` : `${fate} ${path} in ${name}`)),
  );
  wrong.push(...expected.filter(text => !said.includes(text)).map(text => `not said: ${text}`));
  wrong.push(...said.filter(text => !expected.includes(text)).map(text => `said wrongly: ${text}`));
  for (const [at, { name }] of products.entries()) {
    const one = found?.products.find(each => each.product === name);
    const isBroken = at === broken && expected.length > 0;
    if ((one?.state === 'complete') === isBroken)
      wrong.push(`${name} is ${one?.state ?? 'not there'}: ${one?.sentence}`);
    const fitting = one?.versions.map(({ version }) => version).join(' or ');
    if (!isBroken && fitting !== versionOf(at)?.version)
      wrong.push(`${name} ${versionOf(at)?.version} was taken for ${fitting}`);
  }
  const changed = new Set(expected.map(text => text.slice(text.indexOf(' ') + 1)));
  for (const { path } of found?.strays ?? [])
    if (!changed.has(path)) wrong.push(`a program that nobody put there: ${path}`);
  return { label, expected, wrong };
}
