import type { Landscape } from './landscape.ts';

/** What the landscape keeps. Implemented by controller/store/landscape.ts and, for tests, in memory. */
export interface LandscapeStore {
  /** The highest version; null before the first import. */
  current(): Promise<Landscape | null>;
  /** All or nothing; a rejected promise undoes it. */
  transaction<T>(work: (transaction: LandscapeTransaction) => Promise<T>): Promise<T>;
}

export interface LandscapeTransaction {
  /** The same, and nobody else imports until the end of the transaction. */
  currentLocked(): Promise<Landscape | null>;
  add(landscape: Landscape): Promise<void>;
  audit(entry: {
    actor: string;
    action: string;
    subject: string;
    detail: Record<string, string | number>;
  }): Promise<void>;
}
