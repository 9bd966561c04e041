import type { KnownAgent } from './agents.ts';
import type { Conflict } from './conflicts.ts';
import type { Landscape } from './landscape.ts';
import type { Contribution } from './records.ts';

/** A version without its content. Times are milliseconds since the epoch. */
export interface LandscapeVersion {
  version: number;
  digest: string;
  importedBy: string;
  importedAt: number;
  hosts: number;
  components: number;
  clusters: number;
}

/** What came of reading a source, or of a file that somebody gave. */
export interface ImportRecord {
  source: string;
  at: number;
  by: string;
  outcome: 'imported' | 'unchanged' | 'refused' | 'failed';
  /** Of the landscape, where there is one afterwards. */
  version: number | null;
  message: string;
  /** Those that stopped it, or were left out. */
  conflicts: Conflict[];
}

interface AuditEntry {
  actor: string;
  action: string;
  subject: string;
  detail: Record<string, string | number>;
}

/** What the landscape keeps. Implemented by controller/store/landscape.ts and, for tests, in memory. */
export interface LandscapeStore {
  /** The highest version; null before the first import. Nobody may change what it gives. */
  current(): Promise<Landscape | null>;
  version(version: number): Promise<Landscape | null>;
  /** Newest first. */
  versions(limit: number): Promise<LandscapeVersion[]>;
  /** Newest first; of one source, or of all. */
  imports(filter: { source: string | null; limit: number }): Promise<ImportRecord[]>;
  /** The newest of each source. */
  lastImports(): Promise<ImportRecord[]>;
  record(entry: ImportRecord): Promise<void>;
  /** Names of hosts that other sources have given; null where no source has given anything yet. */
  hostsBeside(source: string): Promise<string[] | null>;
  /** All or nothing; a rejected promise undoes it. */
  transaction<T>(work: (transaction: LandscapeTransaction) => Promise<T>): Promise<T>;
}

export interface LandscapeTransaction {
  /** Nobody else imports until the end of the transaction. */
  lock(): Promise<void>;
  current(): Promise<Landscape | null>;
  /** What each source gave last. */
  contributions(): Promise<Contribution[]>;
  add(landscape: Landscape): Promise<void>;
  putContribution(contribution: Contribution): Promise<void>;
  removeContribution(source: string): Promise<void>;
  record(entry: ImportRecord): Promise<void>;
  audit(entry: AuditEntry): Promise<void>;
}

export interface StoredSource {
  name: string;
  /** As somebody wrote it. */
  text: string;
  createdBy: string;
  createdAt: number;
  /** Null without a schedule. */
  nextDueAt: number | null;
  attemptedAt: number | null;
  /** When it last gave something that was taken, also where that was nothing new. */
  goodAt: number | null;
  /** Why the last attempt came to nothing; null where it did not. */
  problem: string | null;
}

/** Where sources are kept. */
export interface SourceStore {
  sources(): Promise<StoredSource[]>;
  source(name: string): Promise<StoredSource | null>;
  /** With its audit entry. */
  put(source: Pick<StoredSource, 'name' | 'text' | 'createdBy' | 'createdAt' | 'nextDueAt'>): Promise<void>;
  /** With its audit entry; false where there is none. */
  remove(name: string, by: string): Promise<boolean>;
  due(now: number): Promise<StoredSource[]>;
  /** False where another controller was first. */
  claim(name: string, dueAt: number, nextDueAt: number | null): Promise<boolean>;
  attempted(name: string, attempt: { at: number; problem: string | null }): Promise<void>;
}

/** What a person said of a suggestion. */
export interface SuggestionDecision {
  id: string;
  decision: 'accepted' | 'dismissed';
  from: string;
  to: string;
  by: string;
  at: number;
  reason: string;
}

export interface SuggestionStore {
  decisions(): Promise<SuggestionDecision[]>;
  /** With its audit entry. */
  decide(decision: SuggestionDecision): Promise<void>;
}

/** Incidents that the landscape opens: one for a cause, which ends with it. */
export interface LandscapeIncidents {
  open(incident: { key: string; host: null; title: string; detail: string }): Promise<void>;
  resolve(key: string, reason: string): Promise<void>;
}

/** Agents that may work. */
export type KnownAgents = () => Promise<KnownAgent[]>;
