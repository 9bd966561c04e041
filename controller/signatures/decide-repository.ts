import { err, ok, type Result } from '@tidemark/shared/base/result.ts';
import type { IndexedFile, IndexedPackage } from '../harvest/repository/records.ts';
import type { SignatureError } from './errors.ts';
import type { InstalledPackages, SeenRepository, SignedTop } from './ports.ts';

/** Clocks of repositories may be ahead of ours by this much. */
const EARLY_MS = 24 * 3_600_000;

const day = (ms: number): string => new Date(ms).toISOString().replace(/\.\d+Z$/, 'Z');

/**
 * Whether the top of a repository is of today: one that has expired, or is older than the one that was seen before, is how
 * somebody hides the newest patches. Pure.
 */
export function checkAge(input: {
  name: string;
  top: Pick<SignedTop, 'dated' | 'validUntil'>;
  seen: Pick<SeenRepository, 'dated'> | null;
  allowOlder: boolean;
  now: number;
}): Result<null, SignatureError> {
  const { name, seen, allowOlder, now } = input;
  const { dated, validUntil } = input.top;
  if (validUntil !== null && validUntil < now)
    return err({
      code: 'index-expired',
      message: `${name}: its index was valid until ${day(validUntil)}: it is not looked after, or somebody hides what is newer. Use a mirror that is up to date`,
    });
  if (dated !== null && dated > now + EARLY_MS)
    return err({
      code: 'index-early',
      message: `${name}: its index is of ${day(dated)}, which is to come: set the clock of the controller, or of who makes the repository`,
    });
  if (seen?.dated != null && !allowOlder && (dated === null || dated < seen.dated))
    return err({
      code: 'index-older',
      message: `${name}: its index is ${dated === null ? 'without a date' : `of ${day(dated)}`}, and one of ${day(seen.dated)} was seen before: an old one hides what is newer. Use a mirror that is up to date, or give --allow-older where the repository was really put back`,
    });
  return ok(null);
}

/** As they are preferred: what is smaller to get, first. */
const PACKINGS = ['zst', 'xz', 'gz', ''];
const LIST =
  /^(?:(?<directory>(?:(?<component>.+)\/)?binary-(?<architecture>[^/]+))\/)?Packages(?:\.(?<packing>\w+))?$/;

/** Which lists of a Release to read: one for each component and architecture. Null stands for all that there are. Pure. */
export function chosenLists(
  top: Pick<SignedTop, 'lists' | 'components' | 'architectures'>,
  wanted: { components: readonly string[] | null; architectures: readonly string[] | null },
): Result<IndexedFile[], SignatureError> {
  const unknown = wanted.components?.find(component => !top.components.includes(component));
  if (unknown !== undefined)
    return err({
      code: 'nothing-chosen',
      message: `there is no component ${unknown} in it; it has ${top.components.join(', ') || 'none'}`,
    });
  const best = new Map<string, { list: IndexedFile; rank: number }>();
  for (const list of top.lists) {
    const groups = LIST.exec(list.path)?.groups;
    const rank = PACKINGS.indexOf(groups?.['packing'] ?? '');
    if (!groups || rank === -1) continue;
    const { directory = '', component, architecture } = groups;
    if (wanted.components && component !== undefined && !wanted.components.includes(component)) continue;
    // Where packages of no architecture have a list of their own, others may lack them.
    const isWanted =
      architecture === undefined || architecture === 'all' || wanted.architectures?.includes(architecture);
    if (wanted.architectures && !isWanted) continue;
    const before = best.get(directory);
    if (!before || rank < before.rank) best.set(directory, { list, rank });
  }
  const lists = [...best.values()].map(({ list }) => list).filter(({ bytes }) => bytes > 0);
  if (lists.length > 0) return ok(lists);
  const asked = wanted.architectures?.join(', ') ?? 'any architecture';
  return err({
    code: 'nothing-chosen',
    message: `it has no list of packages for ${asked}; it has ${top.architectures.join(', ') || 'none'}`,
  });
}

/** Which packages of a repository to learn. */
export type Take = { of: 'installed' } | { of: 'all' } | { of: 'packages'; names: readonly string[] };

export interface Selection {
  /** Each once, by its digest. */
  packages: IndexedPackage[];
  /** `name version` of what the fleet has installed and these lists do not name. */
  absent: string[];
}

/** Pure. `installed` is asked only where that is what is taken. */
export function selected(
  listed: readonly IndexedPackage[],
  take: Take,
  installed: InstalledPackages | null,
  except: readonly string[],
): Selection {
  const left = new Set(except);
  const there = new Set<string>();
  const packages = new Map<string, IndexedPackage>();
  for (const each of listed) {
    const { product, version, architecture, sha256 } = each;
    if (take.of === 'packages' && !take.names.includes(product)) continue;
    if (take.of === 'installed') {
      if (!installed?.versions.get(product)?.has(`${version} ${architecture}`)) continue;
      there.add(`${product} ${version}`);
    }
    if (!left.has(product)) packages.set(sha256, each);
  }
  const wanted =
    take.of === 'installed' && installed
      ? [...installed.versions].flatMap(([name, versions]) =>
          [...new Set([...versions].map(each => each.split(' ')[0]))].map(version => `${name} ${version}`),
        )
      : [];
  return { packages: [...packages.values()], absent: wanted.filter(each => !there.has(each)).sort() };
}
