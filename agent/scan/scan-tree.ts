import type { BigIntStats } from 'node:fs';
import { type Clock, systemClock } from '@tidemark/shared/base/clock.ts';
import { buildDirectory, buildMeta, buildRoot, type Emit } from '@tidemark/shared/fingerprint/build.ts';
import { type Coverage, emptyCoverage, listPath } from '@tidemark/shared/fingerprint/coverage.ts';
import type { Content, Entry, NodeId } from '@tidemark/shared/fingerprint/entry.ts';
import { compileGlob } from '@tidemark/shared/fingerprint/glob.ts';
import { nodeKey } from '@tidemark/shared/fingerprint/node.ts';
import { joinPath, pathText } from '@tidemark/shared/fingerprint/path.ts';
import type { Plane, ScanProfile } from '@tidemark/shared/fingerprint/profile.ts';
import { errorCode, type OpenDirectory, openDirectory, openNamedDirectory } from './directory.ts';
import { createInspector, type Found, isGone, reasonOf } from './inspect.ts';
import { type Owners, readOwners } from './owners.ts';
import { placeRoots, type RootPlace, rootsAt } from './roots.ts';

export interface ScanOptions {
  profile: ScanProfile;
  /** The profile's paths are resolved below it and reported as they are; `/` where it is left out. */
  root?: string;
  clock?: Clock;
}

export interface ScanResult {
  softwareRoot: NodeId;
  configRoot: NodeId;
  coverage: Coverage;
  startedMs: number;
  finishedMs: number;
}

/** Each level holds a descriptor; a process may have 1024 where nobody raised it. */
const MAX_DEPTH = 900;

/**
 * Reads all that the profile names and gives the nodes to `emit`, each once, children first. Holds one directory a level
 * in memory, never the whole tree. Synchronous: it runs in a process of its own. Throws where `root` cannot be read.
 */
export function scanInto(options: ScanOptions, emit: Emit): ScanResult {
  const { profile, root = '/', clock = systemClock } = options;
  const startedMs = clock.now();
  const scanner = new Scanner(profile, readOwners(root), emit);
  const { software, config } = scanner.run(root);
  return {
    softwareRoot: software,
    configRoot: config,
    coverage: scanner.coverage(),
    startedMs,
    finishedMs: clock.now(),
  };
}

type Lists = Record<Plane, Entry[]>;

/** Where the walk is: what lies here counts as `plane`; null between `/` and the roots. */
interface Position {
  path: Buffer;
  plane: Plane | null;
  place: RootPlace | null;
  depth: number;
}

class Scanner {
  readonly #emit: Emit;
  readonly #owners: Owners;
  readonly #places: RootPlace;
  readonly #rules: { rule: string; matches: (path: Buffer) => boolean; count: number }[];
  readonly #inspect = createInspector();
  readonly #coverage = emptyCoverage();
  readonly #metas = new Map<string, NodeId>();

  constructor(profile: ScanProfile, owners: Owners, emit: Emit) {
    this.#owners = owners;
    this.#places = placeRoots(profile);
    this.#rules = profile.ignore.map(rule => ({ rule, matches: compileGlob(rule), count: 0 }));
    const seen = new Set<string>();
    this.#emit = node => {
      const key = nodeKey(node.id);
      if (seen.has(key)) return;
      seen.add(key);
      emit(node);
    };
  }

  run(root: string): Record<Plane, NodeId> {
    const directory = openNamedDirectory(root);
    const plane = this.#places.root?.plane ?? null;
    const { stat } = directory;
    const built = this.#directory(directory, { path: Buffer.from('/'), plane, place: this.#places, depth: 0 });
    const rootOf = (of: Plane): NodeId => {
      const node = built[of];
      return buildRoot(of, node ? { node, meta: of === plane ? this.#meta(stat) : null } : null, this.#emit);
    };
    return { software: rootOf('software'), config: rootOf('config') };
  }

  coverage(): Coverage {
    const ignored = this.#rules.map(({ rule, count }) => ({ rule, count }));
    return {
      ...this.#coverage,
      ignored,
      limits: ['capabilities, ACLs and labels are not read by this version'],
    };
  }

  /** The directory's node in each plane that has something in it; closes the directory. */
  #directory(directory: OpenDirectory, at: Position): Record<Plane, NodeId | null> {
    const lists: Lists = { software: [], config: [] };
    try {
      for (const name of this.#names(directory, at)) this.#name(directory, at, name, lists);
    } finally {
      directory.close();
    }
    const build = (plane: Plane): NodeId | null =>
      lists[plane].length > 0 || plane === at.plane ? buildDirectory(plane, lists[plane], this.#emit) : null;
    if (at.plane) this.#coverage.directories += 1;
    return { software: build('software'), config: build('config') };
  }

  /** Everything inside a root; on the way to one, only what leads there. */
  #names(directory: OpenDirectory, at: Position): Buffer[] {
    return at.plane ? directory.names() : [...(at.place?.below.keys() ?? [])].map(name => Buffer.from(name, 'latin1'));
  }

  #name(directory: OpenDirectory, above: Position, name: Buffer, lists: Lists): void {
    const path = joinPath(above.path, name);
    const place = above.place?.below.get(name.toString('latin1')) ?? null;
    const plane = place?.root?.plane ?? above.plane;
    const at: Position = { path, plane, place, depth: above.depth + 1 };
    if (plane && this.#isIgnored(path)) return;
    const found = this.#inspect(directory.at(name));
    if (found.kind === 'directory') {
      const isMounted = found.stat.dev !== directory.stat.dev && !place && above.plane !== null;
      if (isMounted) this.#skip(at, name, 'other-file-system', lists);
      else if (at.depth > MAX_DEPTH) this.#skip(at, name, 'limit', lists);
      else this.#enter(directory, at, name, found.stat, lists);
      return;
    }
    if (place) this.#missing(place, found, path);
    if (plane) this.#add(found, name, path, plane, lists);
  }

  #enter(parent: OpenDirectory, at: Position, name: Buffer, stat: BigIntStats, lists: Lists): void {
    let directory: OpenDirectory;
    try {
      directory = openDirectory(parent.at(name));
    } catch (error) {
      if (at.place)
        this.#missing(at.place, { kind: 'unreadable', stat, of: 'directory', reason: reasonOf(error) }, at.path);
      if (!at.plane || isGone(error)) return;
      // Swapped for something else since the look: it is what it was not a moment ago.
      const wasSwapped = errorCode(error) === 'ENOTDIR' || errorCode(error) === 'ELOOP';
      const found: Found = wasSwapped
        ? { kind: 'unstable', stat }
        : { kind: 'unreadable', stat, of: 'directory', reason: reasonOf(error) };
      this.#add(found, name, at.path, at.plane, lists);
      return;
    }
    const meta = this.#meta(directory.stat);
    const built = this.#directory(directory, at);
    for (const plane of ['software', 'config'] as const) {
      const node = built[plane];
      if (node) lists[plane].push({ name, kind: 'directory', node, meta: plane === at.plane ? meta : null });
    }
  }

  #skip(at: Position, name: Buffer, reason: 'other-file-system' | 'limit', lists: Lists): void {
    listPath(this.#coverage.skipped, pathText(at.path));
    if (at.plane) lists[at.plane].push({ name, kind: 'skipped', reason, meta: null });
  }

  #add(found: Exclude<Found, { kind: 'directory' }>, name: Buffer, path: Buffer, plane: Plane, lists: Lists): void {
    if (found.kind === 'gone') return;
    this.#count(found, path);
    const content = this.#content(found);
    const isSoftware = content.kind === 'file' && content.executable;
    lists[isSoftware ? 'software' : plane].push({ name, ...content });
  }

  #content(found: Exclude<Found, { kind: 'directory' | 'gone' }>): Content {
    if (found.kind === 'unreadable') {
      const { kind, of, reason, stat } = found;
      return { kind, of, reason, meta: stat && this.#meta(stat) };
    }
    const meta = this.#meta(found.stat);
    switch (found.kind) {
      case 'file': {
        const { digest, size, isExecutable } = found.file;
        return { kind: 'file', executable: isExecutable, keyed: false, size, digest, normalised: null, meta };
      }
      case 'symlink':
        return { kind: 'symlink', target: found.target, meta };
      case 'device':
        return { kind: 'device', type: found.type, number: Number(found.stat.rdev), meta };
      default:
        return { kind: found.kind, meta };
    }
  }

  #count(found: Exclude<Found, { kind: 'directory' | 'gone' }>, path: Buffer): void {
    const coverage = this.#coverage;
    switch (found.kind) {
      case 'file':
        coverage.files += 1;
        if (found.isFirstName) coverage.bytes += found.file.size;
        else coverage.hardLinks += 1;
        return;
      case 'symlink':
        coverage.symlinks += 1;
        return;
      case 'unstable':
        listPath(coverage.unstable, pathText(path));
        return;
      case 'unreadable':
        listPath(coverage.unreadable, pathText(path));
        return;
      default:
        coverage.special += 1;
    }
  }

  /** Roots at or below something that is no directory cannot be scanned as such; nobody should take them for empty. */
  #missing(place: RootPlace, found: Exclude<Found, { kind: 'directory' }>, path: Buffer): void {
    const at = pathText(path);
    for (const root of rootsAt(place)) {
      const isHere = root === place.root;
      if (isHere && found.kind !== 'gone' && found.kind !== 'unreadable') {
        if (found.kind !== 'symlink') continue;
        this.#coverage.missingRoots.push({ path: root.path, reason: `${at} is a link, which a scan does not follow` });
        continue;
      }
      const reason = found.kind === 'gone' ? `${at} does not exist` : `${at} is ${described(found)}`;
      this.#coverage.missingRoots.push({ path: root.path, reason });
    }
  }

  #isIgnored(path: Buffer): boolean {
    const rule = this.#rules.find(({ matches }) => matches(path));
    if (rule) rule.count += 1;
    return rule !== undefined;
  }

  #meta(stat: BigIntStats): NodeId {
    const key = `${stat.mode}:${stat.uid}:${stat.gid}`;
    const known = this.#metas.get(key);
    if (known) return known;
    const mode = Number(stat.mode & 0o7777n);
    const id = buildMeta(
      { mode, owner: this.#owners.user(stat.uid), group: this.#owners.group(stat.gid), attributes: new Map() },
      this.#emit,
    );
    this.#metas.set(key, id);
    return id;
  }
}

function described(found: Exclude<Found, { kind: 'directory' }>): string {
  if (found.kind === 'unreadable') return `unreadable (${found.reason})`;
  return found.kind === 'symlink' ? 'a link, which a scan does not follow' : `no directory but a ${found.kind}`;
}
