/** What a call to the database may meet. Each is awaited: the simulator lets others go first there, or fails it. */
export interface Weather {
  /** Before anything is done. Throws where the database is away. */
  before(): Promise<void>;
  /** At the commit: `lost` where it failed, `unknown` where it happened and nobody was told. */
  commit(): 'done' | 'lost' | 'unknown';
}

export const FAIR: Weather = { before: async () => {}, commit: () => 'done' };

export class DatabaseLost extends Error {
  override name = 'DatabaseLost';
}

export interface NewHost {
  id: string;
  name: string;
  facts: { facts: Readonly<Record<string, unknown>>; observedAt: number } | null;
}

export interface IncidentRecord {
  key: string;
  hostId: string | null;
  title: string;
  detail: string;
  state: 'open' | 'resolved';
}

/** What the controllers have put on record about the run of the night. */
export interface RunRecord {
  id: string;
  state: string;
  reason: string;
  endedAt: number | null;
}

export interface HostRecord {
  held: string | null;
  jobs: readonly { position: number; direction: string; state: string }[];
}
