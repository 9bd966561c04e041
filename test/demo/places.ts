import { mkdirSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';

/** Where the demo keeps everything: one directory, the same in every run, so that a run finds what one before left. */
export interface Places {
  base: string;
  /** Process ids of all that was started. */
  processes: string;
  controllerState: string;
  releases: string;
  /** Files that a user writes, and those that the CLI makes. */
  desk: string;
  logs: string;
  rootOf(server: string): string;
  agentOf(server: string): string;
}

export const repository = join(import.meta.dirname, '../..');

/** A unix socket's path holds 107 bytes, and the database's socket lies some way below this directory. */
const LONGEST_BASE = 60;

/** `TIDEMARK_DEMO_DIR` moves it: tests do not end a demo that somebody keeps. */
export function choosePlaces(): Places {
  const own = process.env['TIDEMARK_DEMO_DIR'] ?? join(repository, '.tidemark/demo');
  const base = own.length <= LONGEST_BASE ? own : join(tmpdir(), `tidemark-demo-${userInfo().uid}`);
  return {
    base,
    processes: join(base, 'processes.json'),
    controllerState: join(base, 'controller'),
    releases: join(base, 'releases'),
    desk: join(base, 'desk'),
    logs: join(base, 'logs'),
    rootOf: server => join(base, 'servers', server, 'root'),
    agentOf: server => join(base, 'servers', server, 'agent'),
  };
}

export function makePlaces(places: Places): void {
  for (const directory of [places.desk, places.logs, places.releases]) mkdirSync(directory, { recursive: true });
}
