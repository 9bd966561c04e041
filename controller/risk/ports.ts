import type { Advisory, Exploitation } from './advisory.ts';
import type { Batch } from './batch.ts';
import type { Candidate, InstalledPackage } from './match.ts';
import type { Socket } from './score.ts';

/** An advisory without what it affects. */
export type AdvisoryHead = Omit<Advisory, 'affected'>;

export interface ImportRecord {
  source: string;
  by: string;
  at: number;
}

export interface ImportCounts {
  files: number;
  advisories: number;
  unchanged: number;
  withdrawn: number;
  knownUses: number;
  probabilities: number;
  /** Ecosystems that are not known here, with how many packages of them were left out. */
  leftOut: Record<string, number>;
}

/** What is kept of advisories. Implemented by controller/store/risk.ts. */
export interface RiskStore {
  /** All of it or nothing. */
  import(batch: Batch, record: ImportRecord): Promise<ImportCounts>;
  /** Grows with each import: what was matched before holds no more. */
  edition(): Promise<number>;
  /** What stands and speaks of these names in an ecosystem, by name. */
  candidates(ecosystem: string, names: readonly string[]): Promise<Map<string, Candidate[]>>;
  heads(ids: readonly string[]): Promise<Map<string, AdvisoryHead>>;
  /** Advisories with this name, those that were withdrawn too. */
  named(name: string): Promise<Advisory[]>;
  exploitation(cves: readonly string[]): Promise<Map<string, Exploitation>>;
}

/** A host, with its packages as numbers. */
export interface RiskHost {
  name: string;
  os: { id: string; version: string } | null;
  packages: Uint32Array | null;
  libraries: Uint32Array | null;
  /** Null where they are not known. */
  sockets: readonly Socket[] | null;
  /** Why nothing is known of what is installed; null where it is. */
  unknown: string | null;
  observedAt: number | null;
}

export interface Fleet {
  hosts: readonly RiskHost[];
  /** By number. */
  packages: readonly InstalledPackage[];
  libraries: readonly { ecosystem: string; name: string; version: string }[];
}

/** A version of a package that a plan brings to a host, and where that plan stands. */
export interface PlannedChange {
  plan: string;
  run: string | null;
  host: string;
  package: string;
  to: string;
}

export interface RiskSources {
  fleet(): Promise<Fleet>;
  /** Of the hosts: the groups that each is in, with their importance. */
  groups(): Promise<ReadonlyMap<string, readonly { name: string; importance: number }[]>>;
  /** Of plans that may still run, or do. */
  planned(): Promise<readonly PlannedChange[]>;
  /** Null where there is none of that name. */
  bundle(name: string): Promise<{ packages: readonly { family: string; name: string; version: string }[] } | null>;
  /** Brings the file at an address of a mirror to a place on the disk for as long as it is used. */
  fetch<T>(url: string, use: (path: string) => Promise<T>): Promise<T>;
}
