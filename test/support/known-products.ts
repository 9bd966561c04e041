import { encodeFileList, type FileFlag, type ListedFile } from '@tidemark/controller/harvest/file-list.ts';
import type { Tier } from '@tidemark/controller/signatures/ports.ts';
import { signatureStore } from '@tidemark/controller/store/signatures.ts';
import type { Store } from '@tidemark/controller/store/store.ts';
import { digestOf, sha256 } from '@tidemark/shared/base/digest.ts';
import type { Random } from './mutated-trees.ts';

/* Products with their versions, made from a seed: programs, libraries, links, configuration and documentation, of which each version changes some. */

export interface KnownProduct {
  name: string;
  /** amd64 unless it is said. */
  architecture?: string;
  /** Oldest first. */
  versions: { version: string; files: ListedFile[] }[];
}

export const listedFile = (path: string, content: string, more: Partial<ListedFile> = {}): ListedFile => ({
  path,
  kind: 'file',
  flags: [] as FileFlag[],
  mode: 0o644,
  owner: 'root',
  group: 'root',
  size: 1_000 + content.length,
  sha256: sha256(Buffer.from(content)).toString('hex'),
  target: null,
  ...more,
});

const PLACES: readonly ((name: string, file: number) => [path: string, more: Partial<ListedFile>])[] = [
  (name, file) => [`/usr/bin/${name}-${file}`, { mode: 0o755 }],
  (name, file) => [`/usr/lib/x86_64-linux-gnu/lib${name}.so.${file}`, {}],
  (name, file) => [`/usr/lib/${name}/plugins/p${file}.so`, {}],
  (name, file) => [`/usr/lib/${name}/m${file}.py`, {}],
  (name, file) => [`/usr/share/${name}/data/d${file}.dat`, {}],
];
const SPECIAL: readonly ((name: string) => [path: string, more: Partial<ListedFile>])[] = [
  name => [`/etc/${name}/${name}.conf`, { flags: ['config'] }],
  name => [`/etc/init.d/${name}`, { flags: ['config'], mode: 0o755 }],
  name => [`/usr/share/doc/${name}/changelog.Debian.gz`, { flags: ['doc'] }],
  name => [`/usr/share/doc/${name}/copyright`, { flags: ['doc'] }],
];

/** Of `files` files and `versions` versions; a version changes a fifth of the one before, brings a few and drops one. */
export function makeProduct(
  name: string,
  { files, versions, random }: { files: number; versions: number; random: Random },
): KnownProduct {
  let number = 0;
  let state = new Map<string, ListedFile>();
  const put = ([path, more]: [string, Partial<ListedFile>], content: string) =>
    state.set(path, listedFile(path, content, more));
  const fresh = (of: number) => {
    const place = PLACES[random(PLACES.length)];
    if (place) put(place(name, number), `${name} ${number} of ${of}`);
    number += 1;
  };
  for (let file = 0; file < files; file++) fresh(0);
  state.set(`/usr/lib/${name}/current`, {
    ...listedFile(`/usr/lib/${name}/current`, ''),
    ...{ kind: 'symlink' as const, mode: null, size: 0, sha256: null, target: 'plugins' },
  });
  const made: KnownProduct = { name, versions: [] };
  for (let of = 0; of < versions; of++) {
    state = new Map(state);
    if (of > 0) {
      const paths = [...state]
        .filter(([, { kind, flags }]) => kind === 'file' && flags.length === 0)
        .map(([path]) => path);
      for (const [at, path] of paths.entries()) {
        const before = state.get(path);
        if (before && (at < 2 || random(5) === 0))
          state.set(path, listedFile(path, `${path} of ${of}`, { mode: before.mode }));
      }
      const dropped = paths[paths.length - 1 - random(3)];
      if (dropped !== undefined) state.delete(dropped);
      for (let added = random(3); added >= 0; added--) fresh(of);
    }
    for (const special of SPECIAL) {
      const at = special(name);
      put(at, `${at[0]} of ${at[0].endsWith('copyright') ? 0 : of}`);
    }
    made.versions.push({ version: `1.${of}-1`, files: [...state.values()] });
  }
  return made;
}

/** Puts products into the library, as an import of their packages would. */
export async function learn(store: Store, products: readonly KnownProduct[], tier: Tier = 'repository'): Promise<void> {
  const library = signatureStore(store);
  for (const { name, architecture = 'amd64', versions } of products) {
    await library.transaction(async transaction => {
      for (const { version, files } of versions) {
        await transaction.add(
          {
            product: name,
            version,
            architecture,
            source: 'deb',
            vendor: null,
            package: { digest: digestOf(Buffer.from(`${name} ${architecture} ${version}`)), bytes: 1 },
            installedBytes: 1,
            attestations: [{ tier, by: 'test', via: '', evidence: '' }],
            importedBy: 'test',
            importedAt: 1,
          },
          encodeFileList(files),
          files,
        );
      }
    });
  }
}
