import type { TokenRecord } from './decide.ts';

/** What access keeps. Implemented by controller/store/access.ts and, for tests, in memory. */
export interface AccessStore {
  token(id: string): Promise<TokenRecord | null>;
  /** In the order in which they were made. */
  tokens(): Promise<TokenRecord[]>;
  /** All or nothing; a rejected promise undoes it. */
  transaction<T>(work: (transaction: AccessTransaction) => Promise<T>): Promise<T>;
}

export interface AccessTransaction {
  /** The same, and nobody else adds or revokes one until the end of the transaction. */
  tokensLocked(): Promise<TokenRecord[]>;
  add(token: TokenRecord): Promise<void>;
  revoke(id: string, atMs: number): Promise<void>;
  audit(entry: {
    actor: string;
    action: string;
    subject: string;
    detail: Record<string, string | number | null>;
  }): Promise<void>;
}
