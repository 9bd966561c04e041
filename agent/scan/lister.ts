import type { BigIntStats, Stats } from 'node:fs';
import fs from 'node:fs';
import type { Content, Entry, NodeId } from '@tidemark/shared/fingerprint/entry.ts';
import type { Normaliser, Plane } from '@tidemark/shared/fingerprint/profile.ts';
import type { AttributeSet } from './attribute-table.ts';
import type { AuditRules } from './audit.ts';
import { RECORD_KINDS, RUNS, type StoredBlock, seenOf } from './cache-block.ts';
import type { Contents } from './contents.ts';
import type { Counter } from './counter.ts';
import { type ListedName, type OpenDirectory, type Reach, reachable } from './directory.ts';
import { type Found, type How, type Inspect, reasonOf } from './inspect.ts';
import type { LinkedFiles } from './linked-files.ts';
import type { Metas } from './metas.ts';
import type { Pace } from './pace.ts';
import type { RootPlace } from './roots.ts';
import type { LocalRules, Treatment } from './rules.ts';
import { standingOf } from './standing.ts';
import type { StatCache } from './stat-cache.ts';

/** Attributes of what is found: looked up where all were read before the scan, else asked directory by directory. */
export type Attributes =
  | { type: 'read'; at: (path: string) => AttributeSet | null }
  | { type: 'asked'; ask: (directory: AskedDirectory, names: readonly string[]) => ReadonlyMap<string, AttributeSet> };

export interface AskedDirectory {
  descriptor: number;
  path: string;
}

export const NO_ATTRIBUTES: Attributes = { type: 'read', at: () => null };

/** What an open directory itself is asked for by. */
export const ITSELF = '.';

export interface ListerOptions {
  /** Where the server's root directory is: bytes as latin1, without a slash at its end. */
  prefix: string;
  attributes: Attributes;
  linked: LinkedFiles;
  inspect: Inspect;
  /** Null where every file is read. */
  cache: StatCache | null;
  /** Modes, owners and attributes of what has not changed are those of the scan before. */
  keepsMetas: boolean;
  pace: Pace;
  /** 32 bytes, for secrets; null where there is none. */
  key: Buffer | null;
  audit: AuditRules | null;
  normalise: (content: Buffer, rules: readonly Normaliser[]) => Buffer | null;
  counter: Counter;
  metas: Metas;
}

/** A directory whose names are gone through. */
export interface Listing {
  directory: OpenDirectory;
  /** Ends with a slash. */
  below: string;
  plane: Plane | null;
  place: RootPlace | null;
  rules: LocalRules;
  stored: StoredBlock | null;
  contents: Contents;
  /** A directory in it. `record` is what is stored under its name, or 0. */
  onDirectory(name: string, record: number): void;
}

interface NamedIn {
  descriptor: number;
  name: string;
  path: string;
}

/** Something new, which waits for its attributes. */
interface Fresh {
  name: string;
  found: Exclude<Found, { kind: 'directory' | 'gone' }>;
  isKept: boolean;
}

/** Longer ones cannot be named by path, only by descriptor. */
const MAX_PATH = 4_000;
/** So many wait for their attributes at most. */
const MAX_FRESH = 1_000;

/** Looks at everything of one directory that is none itself. */
export class Lister {
  readonly #options: ListerOptions;

  constructor(options: ListerOptions) {
    this.#options = options;
  }

  list(listing: Listing): void {
    const fresh: Fresh[] = [];
    for (const listed of this.#names(listing)) {
      if (typeof listed === 'string') this.#name(listing, listed, false, fresh);
      else if (listed.isDirectory()) this.#directory(listing, listed.name);
      else this.#name(listing, listed.name, listed.isFile(), fresh);
      if (fresh.length >= MAX_FRESH) this.#addFresh(listing, fresh.splice(0));
    }
    this.#addFresh(listing, fresh);
  }

  /** What a name stands for that was taken for a directory's, and is none. */
  lookAgain(listing: Listing, name: string): void {
    const fresh: Fresh[] = [];
    this.#name({ ...listing, stored: null }, name, false, fresh);
    this.#addFresh(listing, fresh);
  }

  /** The entry of a directory that cannot be entered; `path` is that of `name`. */
  entryOf(found: Extract<Found, { kind: 'unreadable' }>, { descriptor, name, path }: NamedIn): Entry {
    const { attributes, counter, metas } = this.#options;
    counter.found(found, path);
    const directory = { descriptor, path: path.slice(0, -name.length - 1) || '/' };
    const own =
      attributes.type === 'read' ? attributes.at(path) : (attributes.ask(directory, [name]).get(name) ?? null);
    const meta = found.stat && metas.idOf(found.stat, own);
    return { name: Buffer.from(name, 'latin1'), kind: found.kind, of: found.of, reason: found.reason, meta };
  }

  /** Of an open directory. */
  attributesOf(directory: OpenDirectory, path: string): AttributeSet | null {
    const { attributes } = this.#options;
    if (attributes.type === 'read') return attributes.at(path);
    return attributes.ask({ descriptor: directory.descriptor, path }, [ITSELF]).get(ITSELF) ?? null;
  }

  /** Everything inside a root; on the way to one, only what leads there. */
  #names({ directory, below, plane, place, stored }: Listing): string[] | ListedName[] {
    if (!plane) return [...(place?.below.keys() ?? [])].sort();
    try {
      // Of what is known the record says the kind, and the look that follows whether it still is that.
      return stored ? directory.names() : directory.listed();
    } catch (error) {
      this.#options.counter.unlisted(below, reasonOf(error));
      return [];
    }
  }

  #directory({ below, place, plane, rules, stored, onDirectory }: Listing, name: string): void {
    const above = place?.below.get(name)?.root?.plane ?? plane;
    if (above && rules.isIgnored(below + name)) return;
    onDirectory(name, stored?.find(name) ?? 0);
  }

  #name(listing: Listing, name: string, isFile: boolean, fresh: Fresh[]): void {
    const { directory, stored, rules } = listing;
    const path = listing.below + name;
    const place = listing.place?.below.get(name) ?? null;
    const above = place?.root?.plane ?? listing.plane;
    if (above && rules.isIgnored(path)) return;
    const record = stored?.find(name) ?? 0;
    if (record !== 0 && stored?.kindAt(record) === RECORD_KINDS.directory) {
      listing.onDirectory(name, record);
      return;
    }
    const treatment = rules.treatmentOf(path);
    const { audit } = this.#options;
    const isPlain = !audit && !treatment.secret && treatment.normalisers.length === 0;
    if (stored && record !== 0 && isPlain && !place && this.#isKnown(listing, stored, record, name, path)) return;
    const found = this.#options.inspect(directory.at(name), this.#how(treatment, isFile));
    if (found.kind === 'directory') {
      listing.onDirectory(name, record);
      return;
    }
    if (place) this.#options.counter.missing(place, found, path);
    if (!above || found.kind === 'gone') return;
    if (found.kind === 'file' && !audit && treatment.secret && !this.#options.key) {
      this.#options.counter.secretWithoutKey(path);
      listing.contents.addUnkept(name, { kind: 'skipped', reason: 'no-key', meta: null }, above);
      return;
    }
    if (audit && found.kind === 'file' && !audit.permits(path, found.stat)) {
      this.#options.counter.skipped(path);
      listing.contents.addUnkept(name, { kind: 'skipped', reason: 'rule', meta: null }, above);
      return;
    }
    const isKept = isPlain && !place && 'stat' in found && found.stat?.dev === directory.stat.dev;
    if (this.#options.keepsMetas && stored && record !== 0 && found.stat && stored.isSame(record, seenOf(found.stat))) {
      // Only due to be read again: who sets an attribute moves ctime.
      if (isKept && isAsStored(found, stored, record)) {
        this.#options.counter.found(found, path);
        listing.contents.renew(record);
      } else this.#addWith(listing, { name, found, isKept }, stored.metaAt(record));
    } else if (this.#options.attributes.type === 'asked') fresh.push({ name, found, isKept });
    else this.#add(listing, { name, found, isKept }, this.#options.attributes.at(path));
  }

  /** What is known is looked at by its path, which is quicker; it is believed only where it is the very same. */
  #isKnown(listing: Listing, stored: StoredBlock, record: number, name: string, path: string): boolean {
    const { cache, prefix, keepsMetas, counter } = this.#options;
    const isFile = stored.kindAt(record) === RECORD_KINDS.file;
    if (!cache || path.length > MAX_PATH || (!isFile && !keepsMetas) || cache.isDue(stored, record)) return false;
    const at = reachable(prefix + path);
    // As numbers, which are half the cost of big ones.
    const stat = statOf(at);
    if (!stat || stat.dev !== Number(listing.directory.stat.dev) || !stored.isSame(record, stat)) return false;
    const exact = stat.nlink > 1 || !keepsMetas ? exactStatOf(at) : null;
    if ((!exact && !keepsMetas) || (exact && !stored.isSame(record, seenOf(exact)))) return false;
    if (isFile) this.#countKnown(stored, record, exact);
    else counter.known(stored.kindAt(record));
    if (keepsMetas) listing.contents.confirm(record);
    else if (exact) this.#readAgain(listing, stored, record, name, path, exact);
    return true;
  }

  /** `stat` is there where the file has several names. */
  #countKnown(stored: StoredBlock, record: number, stat: BigIntStats | null): void {
    const { linked, counter } = this.#options;
    const claim = stat && stat.nlink > 1n ? linked.claim(stat) : null;
    if (claim?.status === 'mine') {
      claim.settle({ digest: stored.value(record), runs: isRunning(stored, record) });
    }
    counter.file(stored.sizeAt(record), claim?.status !== 'known', false);
  }

  /** A file whose digest is known, and whose mode and owner are described anew. */
  #readAgain(
    { rules, plane, contents }: Listing,
    stored: StoredBlock,
    record: number,
    name: string,
    path: string,
    stat: BigIntStats,
  ): void {
    const { attributes, metas } = this.#options;
    if (!plane || attributes.type !== 'read') return;
    const runs = isRunning(stored, record);
    const { executable, plane: own } = standingOf(runs, Number(stat.mode), rules.planeOf(path, plane));
    const content: Content = {
      kind: 'file',
      executable,
      keyed: false,
      size: Number(stat.size),
      digest: Buffer.from(stored.value(record)),
      normalised: null,
      meta: metas.idOf(stat, attributes.at(path)),
    };
    contents.add(name, content, own, { stat, dueAtS: stored.dueAt(record), runs });
  }

  #how({ secret, normalisers }: Treatment, isFile: boolean): How {
    const { pace, key, normalise, audit } = this.#options;
    if (audit) return { pace, isFile, key: audit.nonce };
    if (!secret && normalisers.length === 0) return { pace, isFile };
    return {
      pace,
      isFile,
      key: secret ? key : null,
      normalise: normalisers.length > 0 ? (content: Buffer) => normalise(content, normalisers) : null,
    };
  }

  #addFresh(listing: Listing, fresh: readonly Fresh[]): void {
    if (fresh.length === 0) return;
    const { attributes } = this.#options;
    if (attributes.type === 'read') {
      for (const each of fresh) this.#add(listing, each, attributes.at(listing.below + each.name));
      return;
    }
    const names = fresh.map(({ name }) => name);
    const path = listing.below.slice(0, -1) || '/';
    const asked = attributes.ask({ descriptor: listing.directory.descriptor, path }, names);
    for (const each of fresh) this.#add(listing, each, asked.get(each.name) ?? null);
  }

  #add(listing: Listing, { name, found, isKept }: Fresh, attributes: AttributeSet | null): void {
    this.#addWith(listing, { name, found, isKept }, found.stat && this.#options.metas.idOf(found.stat, attributes));
  }

  #addWith(listing: Listing, { name, found, isKept }: Fresh, meta: NodeId | null): void {
    const path = listing.below + name;
    const above = listing.place?.below.get(name)?.root?.plane ?? listing.plane;
    if (!above) return;
    this.#options.counter.found(found, path);
    const runs = found.kind === 'file' && found.file.runs;
    const usual = listing.rules.planeOf(path, above);
    const standing = standingOf(runs, Number(found.stat?.mode ?? 0), usual);
    const content = contentOf(found, meta, standing.executable);
    if (!content) return;
    const plane = content.kind === 'file' ? standing.plane : usual;
    if (isKept && found.stat) listing.contents.add(name, content, plane, { stat: found.stat, dueAtS: null, runs });
    else listing.contents.addUnkept(name, content, plane);
  }
}

const isRunning = (stored: StoredBlock, record: number): boolean => (stored.flagsAt(record) & RUNS) !== 0;

/** Whether what was read is what the record says. */
function isAsStored(found: Fresh['found'], stored: StoredBlock, record: number): boolean {
  if (found.kind === 'symlink')
    return stored.kindAt(record) === RECORD_KINDS.symlink && stored.value(record).equals(found.target);
  if (found.kind !== 'file' || stored.kindAt(record) !== RECORD_KINDS.file) return false;
  return stored.value(record).equals(found.file.digest) && isRunning(stored, record) === found.file.runs;
}

function statOf(path: Reach): Stats | null {
  try {
    return fs.lstatSync(path);
  } catch {
    return null;
  }
}

function exactStatOf(path: Reach): BigIntStats | null {
  try {
    return fs.lstatSync(path, { bigint: true });
  } catch {
    return null;
  }
}

function contentOf(
  found: Exclude<Found, { kind: 'directory' | 'gone' }>,
  meta: Buffer | null,
  executable: boolean,
): Content | null {
  if (found.kind === 'unreadable') return { kind: found.kind, of: found.of, reason: found.reason, meta };
  if (!meta) return null;
  switch (found.kind) {
    case 'file': {
      const { digest, size, isKeyed: keyed, normalised } = found.file;
      return { kind: 'file', executable, keyed, size, digest, normalised, meta };
    }
    case 'symlink':
      return { kind: 'symlink', target: found.target, meta };
    case 'device':
      return { kind: 'device', type: found.type, number: Number(found.stat.rdev), meta };
    default:
      return { kind: found.kind, meta };
  }
}
