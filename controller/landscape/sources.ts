import { assert } from '@tidemark/shared/base/assert.ts';
import type { Clock } from '@tidemark/shared/base/clock.ts';
import { err, ok, type Result } from '@tidemark/shared/base/result.ts';
import type { Connector } from './connectors/connector.ts';
import { invalidLandscape, type LandscapeError } from './errors.ts';
import type { LandscapeIncidents, LandscapeStore, SourceStore, StoredSource } from './ports.ts';
import type { ImportedLandscape, LandscapeService } from './service.ts';
import { type LandscapeSource, nextImport, readSource } from './source.ts';

/** A source, how it is read, and how that went. */
export interface SourceState extends StoredSource {
  kind: LandscapeSource['connector']['kind'];
  priority: number;
  schedule: NonNullable<LandscapeSource['schedule']> | null;
  /** Why what it gave may no longer be so; null where it is fresh. */
  stale: string | null;
}

/** That the landscape may be another by now. */
export interface StaleSource {
  source: string;
  /** Milliseconds since the epoch; null where it never gave anything. */
  goodAt: number | null;
  why: string;
}

export interface SourcesOptions {
  store: SourceStore;
  imports: Pick<LandscapeStore, 'record'>;
  landscape: Pick<LandscapeService, 'take' | 'forget' | 'hostsElsewhere'>;
  open: (source: LandscapeSource, elsewhere: (host: string) => boolean) => Connector;
  incidents: LandscapeIncidents;
  clock: Pick<Clock, 'now'>;
}

interface Run {
  by: string;
  preview?: boolean;
  leaveOut?: boolean;
  allowDrop?: boolean;
  signal?: AbortSignal;
}

/** What was read less than this ago is not read again for a plan. */
const JUST_READ_MS = 60_000;
/** Failures that pass by themselves are no incident the first time: the schedule comes again. */
const PASSING = ['source-not-there', 'source-late'];

/** Where the landscape is read from: by schedule, on demand, and before each plan. */
export function createSources({ store, imports, landscape, open, incidents, clock }: SourcesOptions) {
  const keyOf = (name: string) => `landscape:${name}`;

  const run = async (stored: StoredSource, how: Run): Promise<Result<ImportedLandscape, LandscapeError>> => {
    const source = sourceOf(stored);
    const { by, preview = false, allowDrop = false, leaveOut = source.onConflict === 'leave-out' } = how;
    const elsewhere = await landscape.hostsElsewhere(source.name);
    const late = AbortSignal.timeout(source.timeout);
    const signal = how.signal ? AbortSignal.any([late, how.signal]) : late;
    const gathered = await open(source, host => elsewhere.has(host)).read(signal);
    const taken = gathered.ok
      ? await landscape.take({
          source: source.name,
          priority: source.priority,
          ...gathered.value,
          by,
          preview,
          leaveOut,
          maxDrop: allowDrop ? null : source.maxDrop,
        })
      : gathered;
    if (preview) return taken;
    const at = clock.now();
    if (!gathered.ok) {
      const { message } = gathered.error;
      await imports.record({ source: source.name, at, by, outcome: 'failed', version: null, message, conflicts: [] });
    }
    await store.attempted(source.name, { at, problem: taken.ok ? null : taken.error.message });
    await tell(stored, taken);
    return taken;
  };

  /** A source that fails is for people to know, and so is its end. */
  const tell = async ({ name, problem }: StoredSource, taken: Result<unknown, LandscapeError>): Promise<void> => {
    if (taken.ok) return incidents.resolve(keyOf(name), 'the next import was taken');
    const { code, message, details = [] } = taken.error;
    if (PASSING.includes(code) && problem === null) return;
    const title = `landscape: ${name} was not imported`;
    const detail = [message, ...details.map(each => each.message), `tidemark landscape preview --source ${name}`].join(
      '\n',
    );
    await incidents.open({ key: keyOf(name), host: null, title, detail });
  };

  const known = async (name: string): Promise<Result<StoredSource, LandscapeError>> => {
    const stored = await store.source(name);
    if (stored) return ok(stored);
    return err({
      code: 'source-unknown',
      message: `there is no source ${name}: "tidemark landscape source list" shows those there are`,
    });
  };

  const staleness = (stored: StoredSource): string | null => {
    const { maxAge } = sourceOf(stored);
    const { goodAt, problem } = stored;
    const why = problem === null ? '' : `: ${problem.split('\n', 1)[0]}`;
    if (goodAt === null) return `${stored.name} has never been imported${why}`;
    if (problem !== null || clock.now() - goodAt > maxAge)
      return `${stored.name} was last imported at ${new Date(goodAt).toISOString()}${why}`;
    return null;
  };

  return {
    async list(): Promise<SourceState[]> {
      return (await store.sources()).map(stored => {
        const { connector, priority, schedule } = sourceOf(stored);
        return { ...stored, kind: connector.kind, priority, schedule: schedule ?? null, stale: staleness(stored) };
      });
    },

    /** Adds a source, or replaces the one of its name. Nothing is read yet. */
    async put({
      text,
      fileName,
      by,
    }: {
      text: string;
      fileName: string;
      by: string;
    }): Promise<Result<StoredSource, LandscapeError>> {
      const read = readSource(text, fileName);
      if (!read.ok) return err({ ...invalidLandscape(fileName, read.error), code: 'source-invalid' });
      const { name, schedule } = read.value;
      const now = clock.now();
      await store.put({
        name,
        text,
        createdBy: by,
        createdAt: now,
        nextDueAt: schedule ? nextImport(schedule, now) : null,
      });
      return known(name);
    },

    /** Removes a source and what it gave. */
    async remove({ name, by }: { name: string; by: string }): Promise<Result<null, LandscapeError>> {
      const stored = await known(name);
      if (!stored.ok) return stored;
      const forgotten = await landscape.forget({ source: name, by });
      if (!forgotten.ok) return forgotten;
      await store.remove(name, by);
      await incidents.resolve(keyOf(name), 'the source was removed');
      return ok(null);
    },

    async import({ name, ...how }: Run & { name: string }): Promise<Result<ImportedLandscape, LandscapeError>> {
      const stored = await known(name);
      return stored.ok ? run(stored.value, how) : stored;
    },

    /** One round: imports what is due, until the signal says so. What came due several times while no controller ran is done once. */
    async round(signal: AbortSignal): Promise<void> {
      const now = clock.now();
      for (const stored of await store.due(now)) {
        if (signal.aborted) return;
        const { schedule } = sourceOf(stored);
        const next = schedule ? nextImport(schedule, now) : null;
        if (stored.nextDueAt !== null && (await store.claim(stored.name, stored.nextDueAt, next)))
          await run(stored, { by: `schedule of ${stored.name}`, signal });
      }
    },

    /** Before a plan: reads all sources anew, as far as that is possible until the signal says so. */
    async refresh({ by, signal }: { by: string; signal: AbortSignal }): Promise<void> {
      const due = (await store.sources()).filter(
        ({ attemptedAt }) => attemptedAt === null || clock.now() - attemptedAt > JUST_READ_MS,
      );
      await Promise.all(
        due.map(stored =>
          // One source that nobody can explain keeps nobody from planning; that it failed is seen.
          run(stored, { by, signal }).catch(error =>
            store.attempted(stored.name, { at: clock.now(), problem: `it failed: ${(error as Error).message}` }),
          ),
        ),
      );
    },

    /** Sources that could not be read the last time, or not for longer than they themselves allow. */
    async stale(): Promise<StaleSource[]> {
      return (await store.sources()).flatMap(stored => {
        const why = staleness(stored);
        return why === null ? [] : [{ source: stored.name, goodAt: stored.goodAt, why }];
      });
    },
  };
}

/** What was stored had been read before it was. */
function sourceOf({ text, name }: StoredSource): LandscapeSource {
  const read = readSource(text, name);
  assert(read.ok, `source ${name} in the database is none any more`);
  return read.value;
}
