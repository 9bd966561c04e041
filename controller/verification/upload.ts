import { Buffer } from 'node:buffer';
import { parseJson } from '@tidemark/shared/base/canonical-json.ts';
import { type Digest, digestFromBytes, digestOf } from '@tidemark/shared/base/digest.ts';
import { err, ok, type Result } from '@tidemark/shared/base/result.ts';
import { Coverage, coverageText } from '@tidemark/shared/fingerprint/coverage.ts';
import type { NodeId } from '@tidemark/shared/fingerprint/entry.ts';
import {
  childrenOf,
  decodeNode,
  directoryOf,
  type EncodedNode,
  type Expected,
  fits,
  ID_BYTES,
  nodeId,
  nodeIdOfKey,
  nodeKey,
  readHead,
} from '@tidemark/shared/fingerprint/node.ts';
import { profileBytes, ScanProfile } from '@tidemark/shared/fingerprint/profile.ts';
import type { Roots, Texts } from '@tidemark/shared/protocol/gen/tidemark/v1/fingerprint.ts';
import type { UploadStore } from './ports.ts';
import type { NewFingerprint } from './records.ts';

/** Why an upload ends. What was stored of it stays, so that the next attempt goes on from there. */
export interface UploadRefused {
  code:
    | 'out-of-turn'
    | 'scan-invalid'
    | 'node-not-wanted'
    | 'node-id-wrong'
    | 'node-invalid'
    | 'node-misplaced'
    | 'nodes-missing'
    | 'nodes-gone'
    | 'too-large'
    | 'scan-taken';
  message: string;
}

type Step<T> = Promise<Result<T, UploadRefused>>;

/** What is wanted next. Without any of it the trees are whole and may be committed. */
export interface Wanted {
  ids: NodeId[];
  profile: boolean;
  coverage: boolean;
}

/**
 * One upload, from roots to commit: each step says what is wanted next, null while a want is still open, an empty list when
 * the trees are whole. What the host says is believed only as far as hashes prove it.
 */
export interface Upload {
  /** Of the texts first, where their digests are not known; then of nodes. */
  roots(roots: Roots): Step<Wanted>;
  texts(texts: Texts): Step<NodeId[]>;
  nodes(nodes: readonly EncodedNode[]): Step<NodeId[] | null>;
  commit(): Step<{ alreadyKnown: boolean }>;
}

/** Ids in one want: 32 KiB, answered by some MB of nodes. */
const WANT_IDS = 1_000;
/** Ids looked up with one query. */
const LOOK_UP_IDS = 1_000;
/** A server of ten million files has about as many directories; each is some 200 bytes here while an upload goes on. */
const MAX_NODES = 1_000_000;
const MAX_COVERAGE_BYTES = 1024 * 1024;
const SCAN_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;

const refuse = (code: UploadRefused['code'], message: string) => err({ code, message });

export function createUpload(store: UploadStore, hostId: string): Upload {
  const trees = new Trees(store);
  let said: SaidRoots | null = null;
  let fingerprint: NewFingerprint | null = null;

  const begin = async (roots: SaidRoots, texts: KnownTexts): Step<Wanted> => {
    const { profile, coverage } = texts;
    if (!profile || !coverage) return ok({ ids: [], profile: !profile, coverage: !coverage });
    const { coverageDigest: _, ...rest } = roots;
    fingerprint = { ...rest, hostId, profile, coverage };
    trees.expect(fingerprint.softwareRoot, directoryOf('software'));
    trees.expect(fingerprint.configRoot, directoryOf('config'));
    const ids = await trees.advance();
    return ids.ok ? ok({ ids: ids.value, profile: false, coverage: false }) : ids;
  };
  let known: KnownTexts = { profile: null, coverage: null };

  return {
    roots: async roots => {
      if (said) return refuse('out-of-turn', 'the roots of an upload come once');
      const read = readRoots(roots);
      if (!read.ok) return refuse('scan-invalid', read.error);
      said = read.value;
      const inline = readTexts(roots, said);
      if (!inline.ok) return refuse('scan-invalid', inline.error);
      const stored = await store.knownTexts(hostId, said);
      known = { profile: inline.value.profile ?? stored.profile, coverage: inline.value.coverage ?? stored.coverage };
      return begin(said, known);
    },
    texts: async texts => {
      if (!said || fingerprint) return refuse('out-of-turn', 'nobody asked for a profile or a coverage');
      const read = readTexts(texts, said);
      if (!read.ok) return refuse('scan-invalid', read.error);
      known = { profile: known.profile ?? read.value.profile, coverage: known.coverage ?? read.value.coverage };
      const begun = await begin(said, known);
      if (!begun.ok) return begun;
      if (begun.value.profile || begun.value.coverage) return refuse('scan-invalid', 'what was asked for was not sent');
      return ok(begun.value.ids);
    },
    nodes: async nodes => {
      if (!fingerprint) return refuse('out-of-turn', 'an upload begins with its roots');
      return trees.take(nodes);
    },
    commit: async () => {
      if (!fingerprint) return refuse('out-of-turn', 'an upload begins with its roots');
      const refused = trees.refused();
      if (refused) return err(refused);
      const missing = trees.missing();
      if (missing > 0) return refuse('nodes-missing', `${missing} nodes of this scan are missing: send what is wanted`);
      const outcome = await store.commit(fingerprint, { finished: trees.unfinished(), reliedOn: trees.reliedOn() });
      if (outcome === 'gone') {
        return refuse('nodes-gone', 'nodes that this scan builds on were cleared away meanwhile: send the scan again');
      }
      if (outcome === 'taken') {
        return refuse('scan-taken', `this host has sent other trees as scan ${fingerprint.scan}: scan again`);
      }
      return ok({ alreadyKnown: outcome === 'already-known' });
    },
  };
}

/** Which nodes of the two trees are there, which are wanted, which nobody has looked for yet. */
class Trees {
  readonly #store: UploadStore;
  /** Every node that something names, and what it has to be. */
  readonly #expected = new Map<string, Expected>();
  /** Named, and not looked for. */
  #waiting: string[] = [];
  readonly #wanted = new Set<string>();
  /** There, but part of no committed tree yet. */
  readonly #unfinished: string[] = [];
  /** Part of a committed tree: what is below them was not looked at. */
  readonly #reliedOn: string[] = [];
  #refused: UploadRefused | null = null;

  constructor(store: UploadStore) {
    this.#store = store;
  }

  /** The first thing that was wrong: nothing that comes after it counts. */
  refused(): UploadRefused | null {
    return this.#refused;
  }

  missing(): number {
    return this.#waiting.length + this.#wanted.size;
  }

  unfinished(): NodeId[] {
    return this.#unfinished.map(nodeIdOfKey);
  }

  reliedOn(): NodeId[] {
    return this.#reliedOn.map(nodeIdOfKey);
  }

  /** Remembers what a node has to be; two parents that mean different things cannot both be right. */
  expect(id: NodeId, expected: Expected): void {
    const key = nodeKey(id);
    const known = this.#expected.get(key);
    if (!known) {
      if (this.#expected.size >= MAX_NODES) {
        this.#refused ??= {
          code: 'too-large',
          message: `the scan has more than ${MAX_NODES} nodes: scan less at once`,
        };
        return;
      }
      this.#expected.set(key, expected);
      this.#waiting.push(key);
    } else if (!isSame(known, expected)) {
      this.#refused ??= misplaced(id);
    }
  }

  /** Follows what is stored down to what is not: that is wanted. */
  async advance(): Step<NodeId[]> {
    const wanted: string[] = [];
    while (this.#waiting.length > 0 && wanted.length < WANT_IDS && !this.#refused) {
      const keys = this.#waiting.splice(Math.max(0, this.#waiting.length - LOOK_UP_IDS));
      const known = await this.#store.known(keys.map(nodeIdOfKey));
      for (const key of keys) {
        const node = known.get(key);
        if (!node) wanted.push(key);
        else if (!fits(readHead(node.head), this.#of(key))) this.#refused ??= misplaced(nodeIdOfKey(key));
        else if (node.unfinished) this.#descend(key, node.unfinished);
        else this.#reliedOn.push(key);
      }
    }
    if (this.#refused) return err(this.#refused);
    for (const key of wanted) this.#wanted.add(key);
    return ok(wanted.map(nodeIdOfKey));
  }

  async take(nodes: readonly EncodedNode[]): Step<NodeId[] | null> {
    for (const node of nodes) {
      this.#takeOne(node);
      if (this.#refused) return err(this.#refused);
    }
    await this.#store.addNodes(nodes);
    return this.#wanted.size > 0 ? ok(null) : this.advance();
  }

  #takeOne({ id, data }: EncodedNode): void {
    const key = nodeKey(id);
    const hex = id.toString('hex');
    if (!this.#wanted.delete(key)) {
      this.#refused = { code: 'node-not-wanted', message: `nobody asked for node ${hex}` };
    } else if (!nodeId(data).equals(id)) {
      this.#refused = { code: 'node-id-wrong', message: `node ${hex} was altered on the way: its id differs` };
    } else {
      this.#descend(key, data);
    }
  }

  #descend(key: string, data: Buffer): void {
    const id = nodeIdOfKey(key);
    const node = decodeNode(data);
    if (!node.ok) {
      this.#refused ??= { code: 'node-invalid', message: `node ${id.toString('hex')} is not canonical: ${node.error}` };
      return;
    }
    if (!fits(node.value, this.#of(key))) {
      this.#refused ??= misplaced(id);
      return;
    }
    this.#unfinished.push(key);
    for (const child of childrenOf(node.value)) this.expect(child.id, child.expected);
  }

  #of(key: string): Expected {
    // Only what was expected is ever waited for or wanted.
    return this.#expected.get(key) ?? { type: 'meta' };
  }
}

const misplaced = (id: NodeId): UploadRefused => ({
  code: 'node-misplaced',
  message: `node ${id.toString('hex')} is not what the node above it says`,
});

function isSame(a: Expected, b: Expected): boolean {
  if (a.type === 'meta' || b.type === 'meta') return a.type === b.type;
  return a.plane === b.plane && a.depth === b.depth && a.weight === b.weight && a.prefix.equals(b.prefix);
}

/** A scan as it is said, before the texts are known that its digests stand for. */
type SaidRoots = Omit<NewFingerprint, 'hostId' | 'profile' | 'coverage'> & { coverageDigest: Digest };

interface KnownTexts {
  profile: ScanProfile | null;
  coverage: Coverage | null;
}

/** What is there of the two texts; what is there must be what its digest says. */
function readTexts(
  { profile, coverage }: Pick<Roots, 'profile' | 'coverage'>,
  said: Pick<SaidRoots, 'profileDigest' | 'coverageDigest'>,
): Result<KnownTexts, string> {
  const texts: KnownTexts = { profile: null, coverage: null };
  if (profile.length > 0) {
    const parsed = ScanProfile.safeParse(parseJson(profile));
    if (!parsed.success) return err('the profile cannot be read');
    const bytes = profileBytes(parsed.data);
    if (!bytes.equals(profile)) return err('the profile is not in its canonical form');
    if (said.profileDigest !== digestOf(bytes)) return err('the profile is not what its digest says');
    texts.profile = parsed.data;
  }
  if (coverage !== '') {
    if (coverage.length > MAX_COVERAGE_BYTES) return err(`the coverage has more than ${MAX_COVERAGE_BYTES} bytes`);
    const bytes = Buffer.from(coverage);
    const parsed = Coverage.safeParse(parseJson(bytes));
    if (!parsed.success) return err('the coverage cannot be read');
    if (said.coverageDigest !== digestOf(bytes)) return err('the coverage is not what its digest says');
    texts.coverage = parsed.data;
  }
  return ok(texts);
}

/** By what a coverage that is stored is known. One of a newer agent, which said more, is not known again, and asked for. */
export const coverageDigest = (coverage: Coverage): Digest => digestOf(Buffer.from(coverageText(coverage)));

function readRoots(roots: Roots): Result<SaidRoots, string> {
  if (!SCAN_NAME.test(roots.scan)) return err('the name of the scan must be letters, digits, ".", "_" or "-"');
  if (roots.softwareRoot.length !== ID_BYTES || roots.configRoot.length !== ID_BYTES) {
    return err(`a root has ${ID_BYTES} bytes`);
  }
  if (roots.profileDigest.length !== ID_BYTES || roots.coverageDigest.length !== ID_BYTES) {
    return err(`the digests of profile and coverage have ${ID_BYTES} bytes`);
  }
  if (!isInstant(roots.startedMs) || !isInstant(roots.finishedMs)) return err('the times are not times');
  return ok({
    scan: roots.scan,
    profileDigest: digestFromBytes(roots.profileDigest),
    softwareRoot: roots.softwareRoot,
    configRoot: roots.configRoot,
    coverageDigest: digestFromBytes(roots.coverageDigest),
    startedMs: roots.startedMs,
    finishedMs: roots.finishedMs,
  });
}

/** What a Date can hold (ECMA-262, section 21.4.1.1). */
const isInstant = (ms: number): boolean => Number.isSafeInteger(ms) && ms >= 0 && ms <= 8.64e15;
