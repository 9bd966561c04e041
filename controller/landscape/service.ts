import { canonicalJson, type Json } from '@tidemark/shared/base/canonical-json.ts';
import type { Clock } from '@tidemark/shared/base/clock.ts';
import { digestOf } from '@tidemark/shared/base/digest.ts';
import { err, ok, type Result } from '@tidemark/shared/base/result.ts';
import { agentConflicts } from './agents.ts';
import { type Conflict, isBlocking } from './conflicts.ts';
import { diffLandscapes, type LandscapeChange } from './diff.ts';
import { dropProblem } from './drop.ts';
import { counted, inConflict, type LandscapeError } from './errors.ts';
import type { HostMatch } from './identity.ts';
import type { Landscape, LandscapeContent } from './landscape.ts';
import { mergeLandscape } from './merge.ts';
import type { ImportRecord, KnownAgents, LandscapeStore, LandscapeTransaction, LandscapeVersion } from './ports.ts';
import { type Contribution, type LandscapeRecords, noRecords, recordsOfContent } from './records.ts';

/** What one source says now, and how it is to be taken. */
export interface Taking {
  source: string;
  priority: number;
  records: LandscapeRecords;
  /** Entries that fit no section. */
  problems: readonly Conflict[];
  by: string;
  /** Says what would come of it, and changes nothing. */
  preview: boolean;
  /** Takes what is not in conflict, instead of nothing. */
  leaveOut: boolean;
  /** A share; {@link dropProblem}. Null: any. */
  maxDrop: number | null;
}

export interface ImportedLandscape {
  version: number;
  digest: string;
  /** How many of each. */
  hosts: number;
  components: number;
  clusters: number;
  /** It says what was known: no new version was made. */
  unchanged: boolean;
  changes: LandscapeChange[];
  /** Left out, where that was asked for, and what is only for people to know. */
  conflicts: Conflict[];
  /** Records that were taken for one host. */
  matches: HostMatch[];
}

export interface LandscapeOptions {
  store: LandscapeStore;
  clock: Pick<Clock, 'now'>;
  agents: KnownAgents;
}

/** Under this name stands what a controller imported before it kept what each source gave. */
export const HAND_SOURCE = 'file';
/** Of an import, in its record. */
const MOST_RECORDED = 200;

export type LandscapeService = ReturnType<typeof createLandscape>;

export function createLandscape({ store, clock, agents }: LandscapeOptions) {
  const digest = (content: LandscapeContent) =>
    digestOf(Buffer.from(canonicalJson(content as unknown as Json), 'utf8'));

  /** Puts together what is known with what one source says, and makes a version of it where that is another landscape. */
  const settle = async (
    transaction: LandscapeTransaction,
    how: Pick<Taking, 'source' | 'by' | 'preview' | 'leaveOut'> & { problems: readonly Conflict[] },
    contributions: readonly Contribution[],
  ): Promise<Result<ImportedLandscape, LandscapeError>> => {
    const merged = mergeLandscape(contributions);
    const blocking = [...how.problems, ...merged.conflicts.filter(isBlocking)];
    if (blocking.length > 0 && !how.leaveOut) return err(inConflict(how.source, blocking));
    const { content } = merged;
    if (content.hosts.length === 0)
      return err({
        code: 'landscape-empty',
        message: `with ${how.source} as it is the landscape would have no host: nothing was imported`,
      });
    const before = await transaction.current();
    const now = { ...content, digest: digest(content) };
    const unchanged = before?.digest === now.digest;
    const version = unchanged ? before.version : (before?.version ?? 0) + 1;
    const conflicts = [...blocking, ...agentConflicts(content, await agents())];
    if (!how.preview && !unchanged) {
      await transaction.add({ ...now, version, importedBy: how.by, importedAt: clock.now() });
      await transaction.audit({
        actor: how.by,
        action: 'landscape.imported',
        subject: `landscape ${version}`,
        detail: {
          digest: now.digest,
          source: how.source,
          hosts: content.hosts.length,
          components: content.components.length,
        },
      });
    }
    const changes = unchanged ? [] : diffLandscapes(before, content);
    return ok({ ...counts({ ...now, version }), unchanged, changes, conflicts, matches: merged.matches });
  };

  const recordOf = (taken: Result<ImportedLandscape, LandscapeError>, source: string, by: string): ImportRecord => {
    const at = { source, by, at: clock.now() };
    if (!taken.ok) {
      const told = (taken.error.details ?? []).map(({ message }) => message).join('\n');
      return {
        ...at,
        outcome: 'refused',
        version: null,
        message: `${taken.error.message}${told === '' ? '' : `\n${told}`}`,
        conflicts: [],
      };
    }
    const { unchanged, version, conflicts, hosts, components } = taken.value;
    const message = `${counted(hosts, 'host')}, ${counted(components, 'component')}`;
    const kept = conflicts.filter(isBlocking).slice(0, MOST_RECORDED);
    return { ...at, outcome: unchanged ? 'unchanged' : 'imported', version, message, conflicts: kept };
  };

  return {
    /** Replaces what one source says, as a whole, or leaves all as it is. Previews change nothing at all. */
    async take(taking: Taking): Promise<Result<ImportedLandscape, LandscapeError>> {
      const { source, priority, records, by, preview, maxDrop } = taking;
      const taken = await store.transaction(async transaction => {
        if (!preview) await transaction.lock();
        const known = await contributionsOf(transaction);
        const own = known.find(each => each.source === source);
        const gone = own && maxDrop !== null ? dropProblem(source, own.records, records, maxDrop) : null;
        if (gone !== null) return err({ code: 'landscape-drop' as const, message: gone });
        const contribution = { source, priority, records };
        const others = known.filter(each => each.source !== source);
        const settled = await settle(transaction, taking, [...others, contribution]);
        if (!settled.ok || preview) return settled;
        await transaction.putContribution(contribution);
        await transaction.record(recordOf(settled, source, by));
        return settled;
      });
      if (!taken.ok && !preview) await store.record(recordOf(taken, source, by));
      return taken;
    },

    /** Forgets what a source gave. Refused where that leaves others without what they speak of. */
    forget: ({
      source,
      by,
    }: {
      source: string;
      by: string;
    }): Promise<Result<ImportedLandscape | null, LandscapeError>> =>
      store.transaction(async transaction => {
        await transaction.lock();
        const known = await contributionsOf(transaction);
        if (!known.some(each => each.source === source)) return ok(null);
        const how = { source, by, preview: false, leaveOut: false, problems: [] };
        const settled = await settle(
          transaction,
          how,
          known.filter(each => each.source !== source),
        );
        if (settled.ok) await transaction.removeContribution(source);
        return settled;
      }),

    /** Hosts that other sources have: a file of components may speak of them. */
    async hostsElsewhere(source: string): Promise<ReadonlySet<string>> {
      const names = await store.hostsBeside(source);
      if (names !== null) return new Set(names);
      // A landscape of before came from a file, all of it.
      const current = source === HAND_SOURCE ? null : await store.current();
      return new Set(current?.hosts.map(({ name }) => name));
    },

    /** What a source has given; nothing where it has given nothing. */
    async recordsFrom(source: string): Promise<LandscapeRecords> {
      const known = await store.transaction(contributionsOf);
      return known.find(each => each.source === source)?.records ?? noRecords();
    },

    /** The landscape as it is; null before the first import. */
    current: (): Promise<Landscape | null> => store.current(),
    version: (version: number): Promise<Landscape | null> => store.version(version),
    versions: (limit = 50): Promise<LandscapeVersion[]> => store.versions(limit),
    imports: (source: string | null, limit = 50): Promise<ImportRecord[]> => store.imports({ source, limit }),

    /** What is another between two versions. */
    async diff(from: number, to: number): Promise<Result<LandscapeChange[], LandscapeError>> {
      const [before, after] = [await store.version(from), await store.version(to)];
      const missing = before ? (after ? null : to) : from;
      if (!before || !after)
        return err({
          code: 'version-unknown',
          message: `there is no version ${missing} of the landscape: "tidemark landscape versions" lists them`,
        });
      return ok(diffLandscapes(before, after));
    },

    /** What the newest import of each source ran into, and where agents and records do not meet. */
    async conflicts(): Promise<Conflict[]> {
      const current = await store.current();
      const last = await store.lastImports();
      const refused = last.filter(({ outcome }) => outcome === 'refused' || outcome === 'failed');
      return [
        ...refused.map(
          ({ source, message }): Conflict => ({ kind: 'bad-record', subject: source, message, origins: [source] }),
        ),
        ...last.flatMap(({ conflicts }) => conflicts),
        ...agentConflicts(current ?? { hosts: [] }, await agents()),
      ];
    },
  };
}

/** What each source gave last. A landscape of before has none: all of it came from a file then. */
async function contributionsOf(transaction: LandscapeTransaction): Promise<Contribution[]> {
  const known = await transaction.contributions();
  const before = known.length > 0 ? null : await transaction.current();
  if (!before) return known;
  return [{ source: HAND_SOURCE, priority: 0, records: recordsOfContent(before, `landscape ${before.version}`) }];
}

const counts = ({ version, digest, ...content }: LandscapeContent & { version: number; digest: string }) => ({
  version,
  digest,
  hosts: content.hosts.length,
  components: content.components.length,
  clusters: content.clusters.length,
});
