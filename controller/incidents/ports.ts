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
}

export interface NewIncident {
  /** One cause has one key, and so one incident, however often it is found. */
  key: string;
  run: string | null;
  hostId: string | null;
  title: string;
  detail: string;
}

/** Times are milliseconds since the epoch. */
export interface IncidentStore {
  /** Whether there was none under this key. */
  open(incident: NewIncident & { at: number }): Promise<boolean>;
  /** Newest first. */
  list(filter: { state: 'open' | 'resolved' | 'all' }): Promise<Incident[]>;
  get(id: number): Promise<Incident | null>;
  /** With its audit entry, in one transaction. False where it was resolved before. */
  resolve(id: number, change: { by: string; reason: string; at: number }): Promise<boolean>;
}
