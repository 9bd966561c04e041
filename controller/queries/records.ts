import type { Answer } from '@tidemark/shared/conditions/tree.ts';

/** A condition over hosts that has a name. */
export interface SavedQuery {
  name: string;
  text: string;
  savedBy: string;
  /** Milliseconds since the epoch. */
  savedAt: number;
}

export interface Group {
  name: string;
  /** CEL over hosts. */
  select: string;
  /** 0 to 100: how much harm on its hosts weighs. */
  importance: number;
  owner: string;
  madeBy: string;
  madeAt: number;
}

/** Hosts that are not in a group have none; null: it cannot be known. */
export interface Membership {
  group: string;
  host: string;
  answer: true | null;
}

export interface GroupChange {
  group: string;
  host: string;
  was: Answer;
  is: Answer;
  because: string;
  at: number;
}
