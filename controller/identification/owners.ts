import { compareDpkgVersions } from '@tidemark/shared/versions/dpkg.ts';
import type { FileFlag, ListedFile } from '../harvest/file-list.ts';
import type { SourceKind } from '../harvest/harvested.ts';
import { bestTier } from './judge.ts';
import type { KnownVersion, Tier } from './records.ts';

/** A file as some versions of a product have it. Path and target have one character a byte. */
export interface FileOwner {
  product: string;
  architecture: string | null;
  versions: string[];
  source: SourceKind;
  tier: Tier;
  path: string;
  sha256: string | null;
  target: string | null;
  flags: FileFlag[];
}

/** One entry for each product and content, its versions in their order. Pure. */
export function ownersOfFiles(
  files: readonly { list: number; file: ListedFile }[],
  known: readonly KnownVersion[],
): FileOwner[] {
  const byList = Map.groupBy(known, ({ list }) => list);
  const found = files.flatMap(({ list, file }) => (byList.get(list) ?? []).map(version => ({ version, file })));
  const groups = Map.groupBy(found, ({ version: { product, architecture }, file: { path, sha256, target } }) =>
    [product, architecture, path, sha256, target].join('\0'),
  );
  return [...groups.values()]
    .flatMap(group => {
      const [first] = group;
      if (!first) return [];
      const { version, file } = first;
      return [
        {
          product: version.product,
          architecture: version.architecture,
          versions: [...new Set(group.map(each => each.version.version))].sort(compareDpkgVersions),
          source: version.source,
          tier: bestTier(group.map(each => each.version.tier)) ?? 'host',
          path: file.path,
          sha256: file.sha256,
          target: file.target,
          flags: file.flags,
        },
      ];
    })
    .sort((a, b) =>
      a.product === b.product
        ? compareDpkgVersions(a.versions[0] ?? '', b.versions[0] ?? '')
        : a.product < b.product
          ? -1
          : 1,
    );
}
