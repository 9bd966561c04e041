import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { recordLength, writeRecord } from '@tidemark/agent/scan/node-records.ts';
import { ScanFile } from '@tidemark/agent/scan/scan-files.ts';
import { sha256 } from '@tidemark/shared/base/digest.ts';
import { buildDirectory, buildRoot, type Emit } from '@tidemark/shared/fingerprint/build.ts';
import { emptyCoverage } from '@tidemark/shared/fingerprint/counting.ts';
import type { Content, Entry, NodeId } from '@tidemark/shared/fingerprint/entry.ts';
import { type EncodedNode, nodeKey } from '@tidemark/shared/fingerprint/node.ts';
import { PLANES, type Plane, profileDigest } from '@tidemark/shared/fingerprint/profile.ts';
import { LINUX_SERVER } from '@tidemark/shared/fingerprint/profiles.ts';
import { metaNode } from '@tidemark/shared/testing/trees.ts';
import { type Random, seeded } from '../support/mutated-trees.ts';

/*
 * Trees as large as those of servers, made without any files: the same nodes as a scan's, by the same code that builds a
 * scan's. Names, sizes and how many files a directory has are about those of a Debian server with everything installed.
 */

const META = { file: metaNode(0o644), program: metaNode(0o755) };

interface Directory {
  files: Map<string, Content>;
  directories: Map<string, Directory>;
  /** Of what is below as it is now; null where something changed. */
  node: NodeId | null;
}

/** Where a file is: the directories from the top, and its name. */
type Place = { way: Directory[]; name: string };

const WORDS = [
  'lib',
  'data',
  'core',
  'python3',
  'locale',
  'doc',
  'main',
  'x86_64',
  'share',
  'include',
  'util',
  'icons',
];

const emptyDirectory = (): Directory => ({ files: new Map(), directories: new Map(), node: null });

/** A server's files: `/usr`, `/opt` and the like as software, `/etc` as configuration. */
export class ServerImage {
  readonly nodes = new Map<string, EncodedNode>();
  readonly #tops: Record<Plane, Directory> = { software: emptyDirectory(), config: emptyDirectory() };
  readonly #places: Record<Plane, Place[]> = { software: [], config: [] };
  readonly #random: Random;
  #files = 0;
  #emitted: EncodedNode[] = [];

  constructor(seed: number, files: number) {
    this.#random = seeded(seed);
    for (const meta of Object.values(META)) this.nodes.set(nodeKey(meta.id), meta);
    this.#grow('config', ['etc'], Math.round(files * 0.01));
    this.#grow('software', ['usr', 'opt', 'boot'], files - Math.round(files * 0.01));
    this.build();
  }

  get files(): number {
    return this.#files;
  }

  /** Directories have a long tail: most have a few files, some have thousands. */
  #grow(plane: Plane, tops: readonly string[], files: number): void {
    const top = this.#tops[plane];
    const ways: Directory[][] = tops.map(name => {
      const below = emptyDirectory();
      top.directories.set(name, below);
      return [top, below];
    });
    for (let made = 0; made < files; ) {
      const way = ways[this.#random(ways.length)] ?? [];
      const at = emptyDirectory();
      const name = `${WORDS[this.#random(WORDS.length)]}-${this.#random(100_000)}`;
      way.at(-1)?.directories.set(name, at);
      const inside = [...way, at];
      // As deep as most of /usr is.
      if (inside.length < 8) ways.push(inside);
      const count = this.#random(400) === 0 ? 500 + this.#random(3_000) : 1 + this.#random(12);
      for (let file = 0; file < count && made < files; file++, made++) {
        const place = { way: inside, name: `${WORDS[this.#random(WORDS.length)]}${made}.so.${this.#random(9)}` };
        this.#put(place, `${made} ${this.#random(1 << 30)}`);
        this.#places[plane].push(place);
      }
    }
    this.#files += files;
  }

  #put({ way, name }: Place, content: string): void {
    const isProgram = this.#random(12) === 0;
    way.at(-1)?.files.set(name, {
      kind: 'file',
      executable: isProgram,
      keyed: false,
      size: this.#random(60_000),
      digest: sha256(Buffer.from(content)),
      normalised: null,
      meta: (isProgram ? META.program : META.file).id,
    });
    for (const directory of way) directory.node = null;
  }

  /** Gives `count` files a content of the host's own; the answer puts everything back. */
  change(plane: Plane, count: number, host: string): () => void {
    const undo: (() => void)[] = [];
    for (let changed = 0; changed < count; changed++) {
      const place = this.#places[plane][this.#random(this.#places[plane].length)];
      const before = place?.way.at(-1)?.files.get(place.name);
      if (!place || !before) continue;
      this.#put(place, `${host} ${changed}`);
      undo.push(() => {
        place.way.at(-1)?.files.set(place.name, before);
        for (const directory of place.way) directory.node = null;
      });
    }
    return () => {
      for (const back of undo.reverse()) back();
    };
  }

  /** The roots of what is there now; nodes that are new since the last build are kept, too. */
  build(): { roots: Record<Plane, NodeId>; added: EncodedNode[] } {
    this.#emitted = [];
    const emit: Emit = node => {
      if (this.nodes.has(nodeKey(node.id))) return;
      this.#emitted.push(node);
      this.nodes.set(nodeKey(node.id), node);
    };
    const roots = { software: Buffer.alloc(0), config: Buffer.alloc(0) } as Record<Plane, NodeId>;
    for (const plane of PLANES) {
      const node = nodeOf(plane, this.#tops[plane], emit);
      // `/` belongs to no root of the profile: a passage.
      roots[plane] = buildRoot(plane, { node, meta: null }, emit);
    }
    return { roots, added: this.#emitted };
  }
}

function nodeOf(plane: Plane, directory: Directory, emit: Emit): NodeId {
  if (directory.node) return directory.node;
  const entries: Entry[] = [...directory.files].map(([name, content]) => ({ name: Buffer.from(name), ...content }));
  for (const [name, below] of directory.directories) {
    const node = nodeOf(plane, below, emit);
    entries.push({ name: Buffer.from(name), kind: 'directory', node, meta: META.program.id });
  }
  directory.node = buildDirectory(plane, entries, emit);
  return directory.node;
}

/** Writes what a scan would have left on the agent's disk. `nodes` may be more than the trees have. */
export function writeImage(
  directory: string,
  scan: string,
  { roots, files, nodes }: { roots: Record<Plane, NodeId>; files: number; nodes: Iterable<EncodedNode> },
): void {
  mkdirSync(directory, { recursive: true });
  const records = [...nodes];
  const bytes = Buffer.alloc(records.reduce((sum, node) => sum + recordLength(node), 0));
  records.reduce((at, node) => writeRecord(node, bytes, at), 0);
  writeFileSync(join(directory, 'nodes.bin'), bytes);
  const coverage = { ...emptyCoverage(), files, bytes: files * 30_000 };
  const ignored = LINUX_SERVER.ignore.map(rule => ({ rule, count: 1 }));
  const file: ScanFile = {
    scan,
    profile: LINUX_SERVER,
    profileDigest: profileDigest(LINUX_SERVER),
    softwareRoot: roots.software.toString('hex'),
    configRoot: roots.config.toString('hex'),
    startedMs: Date.now(),
    finishedMs: Date.now(),
    coverage: { ...coverage, ignored },
    nodes: records.length,
    bytes: bytes.length,
  };
  writeFileSync(join(directory, 'scan.json'), JSON.stringify(ScanFile.parse(file)));
}
