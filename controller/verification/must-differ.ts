import { Buffer } from 'node:buffer';
import { compileGlob } from '@tidemark/shared/fingerprint/glob.ts';
import type { NodeLoader } from '@tidemark/shared/fingerprint/load.ts';
import { pathText } from '@tidemark/shared/fingerprint/path.ts';
import { PLANES, type Plane } from '@tidemark/shared/fingerprint/profile.ts';
import { type PlacedEntry, walkTree } from '@tidemark/shared/fingerprint/walk.ts';
import { contentDigest, contentText } from './content.ts';
import type { Difference } from './differences.ts';
import type { Fingerprint } from './records.ts';

/** What a host has at the paths that the profile wants to differ, by plane. */
export type OwnFiles = { plane: Plane; placed: PlacedEntry }[];

/** Comparing trees never comes to what is equal in both, so these paths are looked up. */
export async function readOwnFiles(fingerprint: Fingerprint, load: NodeLoader): Promise<OwnFiles> {
  const found: OwnFiles = [];
  for (const { path: pattern, how } of fingerprint.profile.expect) {
    if (how !== 'must-differ') continue;
    const matches = compileGlob(pattern);
    for (const plane of PLANES) {
      const root = plane === 'software' ? fingerprint.softwareRoot : fingerprint.configRoot;
      for await (const placed of walkTree(plane, root, load, literalDirectory(pattern))) {
        if (matches(placed.path)) found.push({ plane, placed });
      }
    }
  }
  return found;
}

/** The directory that all paths of a pattern are below. */
function literalDirectory(pattern: string): Buffer {
  const wild = pattern.search(/[*?]/);
  const literal = wild < 0 ? pattern : pattern.slice(0, wild);
  return Buffer.from(literal.slice(0, literal.lastIndexOf('/')) || '/');
}

/** Files that are the same on two hosts although each must have its own: one key on two servers, for example. Pure. */
export function sameAlthoughOwn(a: { host: string; files: OwnFiles }, files: OwnFiles): Difference[] {
  const theirs = new Map(a.files.map(({ placed }) => [placed.path.toString('latin1'), placed.entry]));
  return files.flatMap(({ plane, placed: { path, entry } }): Difference[] => {
    const other = theirs.get(path.toString('latin1'));
    const [own, foreign] = [contentDigest(entry), other ? contentDigest(other) : null];
    if (!own || !foreign || !own.equals(foreign)) return [];
    return [
      {
        class: 'must-differ-violation',
        product: null,
        version: null,
        plane,
        path: pathText(path),
        expected: `other than on ${a.host}`,
        found: contentText(entry),
        note: `the same as on ${a.host}, and each host must have its own`,
      },
    ];
  });
}
