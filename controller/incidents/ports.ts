/** Something that needs a decision: which component, why, and what can be done. */
export interface Incident {
  id: number;
  run: string | null;
  /** Name of the host; null where it is about more than one. */
  host: string | null;
  key: string;
  title: string;
  detail: string;
  state: 'open' | 'resolved';
  openedAt: number;
  resolvedAt: number | null;
  /** Of the job that it is about, in the host's order. */
  position: number | null;
  direction: 'forward' | 'undo' | null;
  takenBy: string | null;
  resolution: string | null;
  resolvedBy: string | null;
  /** How many others of the run have the same cause. */
  alike: number;
}

export interface Comment {
  at: number;
  by: string;
  text: string;
}

export interface NewIncident {
  /** One cause has one key, and so one incident, however often it is found. */
  key: string;
  run: string | null;
  hostId: string | null;
  title: string;
  detail: string;
  position?: number;
  direction?: 'forward' | 'undo';
  cause?: string;
}

/** Times are milliseconds since the epoch. */
export interface IncidentStore {
  /** Whether there was none under this key. */
  open(incident: NewIncident & { at: number }): Promise<boolean>;
  /** Newest first. */
  list(filter: { state: 'open' | 'resolved' | 'all' }): Promise<Incident[]>;
  get(id: number): Promise<Incident | null>;
  /** Of incidents whose key begins so, open or resolved. */
  withKey(prefix: string): Promise<Pick<Incident, 'id' | 'key' | 'state'>[]>;
  /** Oldest first. */
  comments(id: number): Promise<Comment[]>;
  /** Names of other hosts of the run with the same cause. */
  alikeHosts(id: number): Promise<string[]>;
  /** With its audit entry; false where it is resolved. */
  take(id: number, change: { by: string; at: number }): Promise<boolean>;
  comment(id: number, comment: Comment): Promise<void>;
  /** With its audit entry, in one transaction. False where it was resolved before. */
  resolve(id: number, change: { by: string; reason: string; at: number }): Promise<boolean>;
}
