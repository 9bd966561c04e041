import { randomUUID } from 'node:crypto';
import type { ListedFile } from '@tidemark/controller/harvest/file-list.ts';
import type { Store } from '@tidemark/controller/store/store.ts';
import { createVerificationStore } from '@tidemark/controller/store/verification.ts';
import { sha256 } from '@tidemark/shared/base/digest.ts';
import type { FlatEntry } from '@tidemark/shared/fingerprint/build.ts';
import { emptyCoverage } from '@tidemark/shared/fingerprint/counting.ts';
import { profileDigest } from '@tidemark/shared/fingerprint/profile.ts';
import { LINUX_SERVER } from '@tidemark/shared/fingerprint/profiles.ts';
import { buildInMemory, metaNode } from '@tidemark/shared/testing/trees.ts';
import { addHost } from './fingerprint-server.ts';
import type { KnownProduct } from './known-products.ts';
import type { Random } from './mutated-trees.ts';

/* Servers as packages leave them, and what goes wrong when they are patched. Paths are one character a byte. */

export type Server = Map<string, FlatEntry>;

const META = { file: metaNode(0o644).id, program: metaNode(0o755).id };

/** A file as a scan sees it once it is installed. */
export function installed({ path, kind, target, sha256: digest, mode, size }: ListedFile): FlatEntry {
  const executable = ((mode ?? 0) & 0o111) !== 0 || path.endsWith('.so') || path.includes('.so.');
  const meta = executable ? META.program : META.file;
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
  const { roots, nodes } = buildInMemory(server.values());
  const hostId = await addHost(store, host);
  return keepTrees(store, hostId, { roots, nodes: [...nodes.values()] });
}

export async function keepTrees(
  store: Store,
  hostId: string,
  { roots, nodes }: { roots: { software: Buffer; config: Buffer }; nodes: readonly { id: Buffer; data: Buffer }[] },
): Promise<string> {
  const verification = createVerificationStore(store);
  for (let at = 0; at < nodes.length; at += 5_000) await verification.addNodes(nodes.slice(at, at + 5_000));
  const scan = randomUUID();
  await verification.commit(
    {
      hostId,
      scan,
      profile: LINUX_SERVER,
      profileDigest: profileDigest(LINUX_SERVER),
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

export const INJECTIONS = ['missing', 'old', 'extra', 'edited'] as const;
export type Injection = (typeof INJECTIONS)[number];

export const FATE_OF = { missing: 'missing', old: 'as-in', extra: 'left-over', edited: 'modified' } as const;

/**
 * Breaks the installation of a product's version in these ways, a few files each, and edits its configuration, which is no
 * finding. Gives what must be said: `missing /usr/bin/a`.
 */
export function breakPatch(
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
export const INJECTION_SETS: readonly (readonly Injection[])[] = Array.from({ length: 15 }, (_, bits) =>
  INJECTIONS.filter((_, at) => ((bits + 1) & (1 << at)) !== 0),
);
