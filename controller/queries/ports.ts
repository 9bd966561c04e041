import type { Group, GroupChange, Membership, SavedQuery } from './records.ts';
import type { Said } from './shape.ts';

/** What queries need of the inventory. Implemented by controller/store/queries.ts. */
export interface ContentStore {
  /** Contents by digest (hex); what is not there any more is left out. */
  contents(digests: readonly string[]): Promise<Map<string, unknown>>;
  /**
   * Lists of packages by digest, as numbers of packages; and all packages from number `from` on, so that whoever knows those
   * before knows every number that is in a list.
   */
  packageSets(digests: readonly string[], from: number): Promise<{ sets: Map<string, Uint32Array>; items: unknown[] }>;
  /**
   * The sections of these kinds that hosts have now: by host id, then kind, the digest in hex. With `site` also what the site's
   * own programs told, as `site:` and their name.
   */
  sections(
    hostIds: readonly string[],
    kinds: readonly string[],
    site: boolean,
  ): Promise<Map<string, Map<string, string>>>;
}

/** A host that somebody knows of: the landscape, or the enrolment. */
export interface KnownHost {
  said: Said;
  /** Null without an agent that may work. */
  id: string | null;
  /** When its inventory was looked at last, milliseconds since the epoch; null where it never was. */
  observedAt: number | null;
}

export interface QuerySources {
  /** All, sorted by name. */
  hosts(): Promise<readonly KnownHost[]>;
}

/** What queries and groups keep. */
export interface QueryStore {
  saved(): Promise<SavedQuery[]>;
  save(query: SavedQuery): Promise<void>;
  forget(name: string, by: string): Promise<boolean>;
  groups(): Promise<Group[]>;
  keepGroup(group: Group): Promise<void>;
  removeGroup(name: string, by: string): Promise<boolean>;
  /** As they were judged last. */
  memberships(): Promise<Membership[]>;
  /** Writes what changed, and keeps it as the last judgement. */
  record(changes: readonly GroupChange[]): Promise<void>;
  /** Newest first. */
  changes(of: { group: string; host: string | null; limit: number }): Promise<GroupChange[]>;
}
