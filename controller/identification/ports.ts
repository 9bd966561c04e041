import type { NodeLoader } from '@tidemark/shared/fingerprint/load.ts';
import type { ListedFile } from '../harvest/file-list.ts';
import type { IdentifiedTrees, KnownVersion, RegisteredPackages } from './records.ts';
import type { SummaryStore } from './walk.ts';

/** What a host runs that is not what lies on its disk, as its agent told. */
export interface RunningState {
  kernel: { running: string; newest: string } | null;
  rebootReasons: readonly string[];
  stale: readonly { unit: string; processes: readonly string[]; files: readonly string[] }[];
}

/** A host's newest state. */
export interface HostTrees extends IdentifiedTrees {
  host: string;
  fingerprint: string;
  scannedAt: number;
  /** Whether the host had a program that reads attributes of files, capabilities among them. */
  attributesRead: boolean;
}

/** The newest state of hosts that have the same. */
export interface SharedTrees extends IdentifiedTrees {
  hosts: { host: string; scannedAt: number }[];
}

/** Implemented by controller/store/identification.ts. */
export interface IdentificationStore extends SummaryStore {
  load: NodeLoader;
  /** Changes whenever something about signatures does. */
  libraryState(): Promise<string>;
  knownVersions(): Promise<KnownVersion[]>;
  /** The encoded lists of files by id, a few at a time. */
  lists(ids: readonly number[]): AsyncIterable<{ id: number; data: Buffer }>;
  /** Every file of the library with this content (64 hex digits), or at this path, with the list that it is in. */
  filesLike(of: { sha256: string } | { path: string }): Promise<{ list: number; file: ListedFile }[]>;
  /**
   * Of the host of a fingerprint the newest that looked where packages lie, else its newest; null where the fingerprint is gone.
   */
  trees(fingerprint: string): Promise<HostTrees | null>;
  /** The same of every host: those with the same trees together. */
  newestTrees(): Promise<SharedTrees[]>;
  /** Of these hosts the newest under the profile of another fingerprint. */
  peerTrees(hosts: readonly string[], fingerprint: string): Promise<HostTrees[]>;
}

/** Facts of hosts, by name; null where they were not told. */
export interface HostFactsPort {
  registered(host: string): Promise<RegisteredPackages | null>;
  /** Of every host that has told, what these names are in its package database: of a fleet all of it is many megabytes. */
  registeredAs(names: readonly string[]): Promise<ReadonlyMap<string, RegisteredPackages>>;
  running(host: string): Promise<RunningState | null>;
}
